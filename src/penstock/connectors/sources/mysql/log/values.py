"""Values of row events as Arrow columns: the same that reading the table gives.

Formats: https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Table__map__event.html
and `my_time.cc`, `decimal.c` of the server for packed times and decimals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.connectors.sources.mysql.log import tables as t
from penstock.connectors.sources.mysql.log.addresses import ADDRESSES
from penstock.connectors.sources.mysql.log.events import Bytes, Ints, Mask, numbers
from penstock.connectors.sources.mysql.log.images import Cells
from penstock.connectors.sources.mysql.log.jsons import json_text
from penstock.connectors.sources.mysql.log.shapes import shape_text
from penstock.connectors.sources.mysql.log.texts import decoded
from penstock.connectors.sources.mysql.types import Choices, Definition, Kind, arrow_type, kind
from penstock.core.types import JSON

_DAY_US: Final = 86_400_000_000
_DIGIT_BYTES: Final = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)


@dataclass
class Column:
    """Values of n rows, null where one has no place in the column's type.

    Args:
        wrong: where that is, and what the log has there.
        zero_dates: places of dates that no calendar has; they are null without being wrong.
    """

    array: pa.Array
    wrong: dict[int, str] = field(default_factory=dict)
    zero_dates: int = 0


def column(buffer: Bytes, cells: Cells, definition: Definition, choices: Choices) -> Column:
    """The values of one column.

    Args:
        definition: what the catalogue says, which the log does not: sign, character set, names
            of an enum.

    Raises:
        ValueError: the log's type does not go with the catalogue's.
    """
    code = cells.kind.code
    wanted = kind(definition, choices)
    if code in _TIMES:
        return _time(buffer, cells, definition, choices)
    if wanted is Kind.BOOLEAN:
        return _boolean(buffer, cells)
    if code in (t.ENUM, t.SET):
        return Column(_listed(buffer, cells, definition))
    if code in _INTEGERS:
        return Column(_integer(buffer, cells, definition, arrow_type(definition, choices)))
    if code in (t.FLOAT, t.DOUBLE):
        return Column(_real(buffer, cells))
    if code == t.NEWDECIMAL:
        return Column(_decimal(buffer, cells, arrow_type(definition, choices)))
    if code == t.BIT:
        return Column(raw_bytes(buffer, cells))
    if code == t.NULL:
        return Column(pa.nulls(len(cells.starts), arrow_type(definition, choices)))
    return _sized(buffer, cells, definition, wanted)


def _sized(buffer: Bytes, cells: Cells, definition: Definition, wanted: Kind) -> Column:
    raw = raw_bytes(buffer, cells)
    if cells.kind.code == t.JSON:
        return Column(_each(raw, json_text, JSON))
    if cells.kind.code == t.GEOMETRY:
        return Column(_each(raw, shape_text, pa.string()))
    if wanted is Kind.BYTES:
        if definition.data_type == "binary":
            # Zero bytes at the end are not in the log.
            raw = pc.binary_replace_slice(raw, 0, 0, b"") if not len(raw) else _padded(raw, cells)
        return Column(raw)
    if definition.data_type in ADDRESSES:
        return Column(_each(_padded(raw, cells), ADDRESSES[definition.data_type], pa.string()))
    text, wrong = decoded(raw, definition.charset)
    if wanted is Kind.JSON:
        text = pa.ExtensionArray.from_storage(JSON, text)
    return Column(text, wrong)


def raw_bytes(buffer: Bytes, cells: Cells) -> pa.Array:
    """The bytes of one column; Arrow does the copying.

    Values and the gaps between them are one array over the buffer, of which every second
    element is taken. The rows stand in the order of the buffer.
    """
    count = len(cells.starts)
    if not count:
        return pa.array([], pa.binary())
    offsets = np.empty(2 * count + 1, np.int32)
    offsets[0:-1:2] = cells.starts
    offsets[1::2] = cells.starts + cells.sizes
    offsets[-1] = offsets[-2]
    spread = pa.Array.from_buffers(
        pa.binary(), 2 * count, [None, pa.py_buffer(offsets), pa.py_buffer(buffer)]
    )
    return spread.take(pa.array(np.arange(0, 2 * count, 2), mask=cells.null))


def _padded(raw: pa.Array, cells: Cells) -> pa.Array:
    width = cells.kind.meta
    lengths = np.asarray(pc.fill_null(pc.binary_length(raw), width))
    if (lengths == width).all():
        return raw
    values = raw.to_pylist()
    return pa.array([None if v is None else v.ljust(width, b"\0") for v in values], pa.binary())


def _each(raw: pa.Array, read: Callable[[bytes], str], kind: pa.DataType) -> pa.Array:
    """One value after the other: for formats that are trees."""
    values = raw.to_pylist()
    texts = pa.array([None if value is None else read(value) for value in values], pa.string())
    return pa.ExtensionArray.from_storage(kind, texts) if isinstance(kind, pa.JsonType) else texts


_INTEGERS: Final = {t.TINY: 1, t.SHORT: 2, t.INT24: 3, t.LONG: 4, t.LONGLONG: 8, t.YEAR: 1}


def _raw_numbers(buffer: Bytes, cells: Cells, size: int, *, big: bool = False) -> Ints:
    at = cells.starts if cells.null is None else np.where(cells.null, 0, cells.starts)
    if size in (4, 8) and not big:
        step: Any = np.ndarray(
            (len(buffer) - size + 1,), "<u4" if size == 4 else "<i8", buffer.data, strides=(1,)
        )
        found: Ints = step[at].astype(np.int64)
        return found
    return numbers(buffer, at, size, big=big)


def _integer(buffer: Bytes, cells: Cells, definition: Definition, kind: pa.DataType) -> pa.Array:
    size = _INTEGERS[cells.kind.code]
    found = _raw_numbers(buffer, cells, size)
    if cells.kind.code == t.YEAR:
        found = np.where(found == 0, 0, found + 1900)
    elif not definition.unsigned and size < 8:
        half = 1 << (8 * size - 1)
        found = (found ^ half) - half
    if pa.types.is_decimal(kind):
        return pa.array(found.view(np.uint64), mask=cells.null).cast(kind)
    return pa.array(found, mask=cells.null).cast(kind)


def _boolean(buffer: Bytes, cells: Cells) -> Column:
    found = _raw_numbers(buffer, cells, 1)
    bad = found > 1
    if cells.null is not None:
        bad &= ~cells.null
    mask = cells.null
    wrong = {}
    if bad.any():
        mask = bad if mask is None else mask | bad
        signed = (found ^ 128) - 128
        wrong = {int(i): f"'{signed[i]}' is no truth value (0 or 1)" for i in np.flatnonzero(bad)}
    return Column(pa.array(found == 1, mask=mask), wrong)


def _real(buffer: Bytes, cells: Cells) -> pa.Array:
    size = 4 if cells.kind.code == t.FLOAT else 8
    at = cells.starts if cells.null is None else np.where(cells.null, 0, cells.starts)
    step: Any = np.ndarray((len(buffer) - size + 1,), f"<f{size}", buffer.data, strides=(1,))
    return pa.array(step[at], mask=cells.null)


def _listed(buffer: Bytes, cells: Cells, definition: Definition) -> pa.Array:
    """ENUM: the number of a name, 0 is the empty text. SET: a bit for each name."""
    names = definition.names
    found = _raw_numbers(buffer, cells, cells.kind.meta)
    if cells.kind.code == t.ENUM:
        places = pa.array(found, pa.int64(), mask=cells.null)
        return pa.array(["", *names], pa.string()).take(places)
    distinct, back = np.unique(found, return_inverse=True)
    texts = [
        ",".join(name for bit, name in enumerate(names) if int(value) >> bit & 1)
        for value in distinct
    ]
    return pa.array(texts, pa.string()).take(pa.array(back, mask=cells.null))


def _decimal(buffer: Bytes, cells: Cells, kind: pa.DataType) -> pa.Array:
    """Groups of nine digits, big endian, the first bit turned; all bits turned when negative."""
    digits, scale = cells.kind.more, cells.kind.meta
    groups = _groups(digits - scale, scale)
    at = cells.starts if cells.null is None else np.where(cells.null, 0, cells.starts)
    negative = buffer[at] < 0x80
    limbs = _Limbs(len(at), 1 if digits <= 18 else kind.byte_width // 4)
    place = at
    for first, (count, size) in enumerate(groups):
        group = numbers(buffer, place, size, big=True)
        full = (1 << (8 * size)) - 1
        if first == 0:
            group = group ^ (1 << (8 * size - 1))
        group = np.where(negative, group ^ full, group)
        limbs.push(group, 10**count)
        place = place + size
    data = limbs.bytes(negative, kind.byte_width)
    valid = None if cells.null is None else pa.array(~cells.null).buffers()[1]
    return pa.Array.from_buffers(kind, len(at), [valid, pa.py_buffer(data)])


def _groups(whole: int, fraction: int) -> list[tuple[int, int]]:
    """(digits, bytes) of each group."""
    found = []
    if whole % 9:
        found.append((whole % 9, _DIGIT_BYTES[whole % 9]))
    found += [(9, 4)] * (whole // 9 + fraction // 9)
    if fraction % 9:
        found.append((fraction % 9, _DIGIT_BYTES[fraction % 9]))
    return found


class _Limbs:
    """n numbers in parts of 32 bits; a single part when 63 bits are enough."""

    def __init__(self, count: int, parts: int) -> None:
        self._parts = [np.zeros(count, np.uint64) for _ in range(parts)]

    def push(self, group: Ints, factor: int) -> None:
        """Each number times the factor, and the group added."""
        carry = group.astype(np.uint64)
        if len(self._parts) == 1:
            self._parts[0] = self._parts[0] * np.uint64(factor) + carry
            return
        for i, part in enumerate(self._parts):
            whole = part * np.uint64(factor) + carry
            self._parts[i] = whole & np.uint64(0xFFFFFFFF)
            carry = whole >> np.uint64(32)

    def bytes(self, negative: Mask, width: int) -> Any:
        """Two's complement, little endian."""
        count = len(negative)
        if len(self._parts) == 1:
            value = self._parts[0].astype(np.int64)
            value = np.where(negative, -value, value)
            wide = np.empty((count, width // 8), np.int64)
            wide[:, 0] = value
            wide[:, 1:] = (value >> 63)[:, None]
            return wide
        parts = np.empty((count, width // 4), np.uint32)
        carry = negative.astype(np.uint64)
        for i, part in enumerate(self._parts):
            turned = np.where(negative, part ^ np.uint64(0xFFFFFFFF), part) + carry
            parts[:, i] = (turned & np.uint64(0xFFFFFFFF)).astype(np.uint32)
            carry = turned >> np.uint64(32)
        return parts


_TIMES: Final = frozenset({
    t.DATE, t.NEWDATE, t.TIME, t.TIME2, t.DATETIME, t.DATETIME2, t.TIMESTAMP, t.TIMESTAMP2,
})  # fmt: skip


def _time(buffer: Bytes, cells: Cells, definition: Definition, choices: Choices) -> Column:
    code = cells.kind.code
    if code in (t.TIMESTAMP, t.TIMESTAMP2):
        seconds, micros = _timestamp(buffer, cells)
        zero = seconds == 0
        return _moments(seconds * 1_000_000 + micros, zero & (micros == 0), cells.null,
                        arrow_type(definition, choices))  # fmt: skip
    if code in (t.TIME, t.TIME2):
        return _clock(_duration(buffer, cells), cells, definition, choices)
    days, micros, zero, wrong = _calendar(buffer, cells)
    if code in (t.DATE, t.NEWDATE):
        return _moments(days.astype(np.int32), zero, cells.null, pa.date32(), wrong)
    return _moments(days * _DAY_US + micros, zero, cells.null, pa.timestamp("us"), wrong)


def _moments(
    values: Any,
    zero: Mask,
    null: Mask | None,
    kind: pa.DataType,
    wrong: dict[int, str] | None = None,
) -> Column:
    if null is not None:
        zero = zero & ~null
    count = int(zero.sum())
    mask = null if not count else zero if null is None else null | zero
    if wrong:
        mask = np.zeros(len(values), np.bool_) if mask is None else mask.copy()
        mask[list(wrong)] = True
    return Column(pa.array(values, mask=mask).cast(kind), wrong or {}, zero_dates=count)


def _fraction(buffer: Bytes, at: Ints, digits: int) -> Ints:
    """Microseconds of a fraction: two digits in each byte, big endian."""
    size = (digits + 1) // 2
    found: Ints = numbers(buffer, at, size, big=True) * 100 ** (3 - size)
    return found


def _timestamp(buffer: Bytes, cells: Cells) -> tuple[Ints, Ints]:
    if cells.kind.code == t.TIMESTAMP:
        seconds = _raw_numbers(buffer, cells, 4)
        return seconds, np.zeros_like(seconds)
    seconds = _raw_numbers(buffer, cells, 4, big=True)
    at = cells.starts if cells.null is None else np.where(cells.null, 0, cells.starts)
    return seconds, _fraction(buffer, at + 4, cells.kind.meta)


def _duration(buffer: Bytes, cells: Cells) -> Ints:
    """TIME in microseconds, below zero and past a day as they come."""
    at = cells.starts if cells.null is None else np.where(cells.null, 0, cells.starts)
    if cells.kind.code == t.TIME:
        packed = (numbers(buffer, at, 3) ^ (1 << 23)) - (1 << 23)
        size = np.abs(packed)
        seconds = size // 10000 * 3600 + size // 100 % 100 * 60 + size % 100
        return np.asarray(np.sign(packed) * seconds * 1_000_000)
    digits = (cells.kind.meta + 1) // 2
    # The fraction belongs to the number: below zero it counts down.
    whole = numbers(buffer, at, 3 + digits, big=True) - (0x800000 << (8 * digits))
    size = np.abs(whole)
    micros = (size & ((1 << (8 * digits)) - 1)) * 100 ** (3 - digits)
    hms = size >> (8 * digits)
    seconds = (hms >> 12 & 1023) * 3600 + (hms >> 6 & 63) * 60 + (hms & 63)
    return np.asarray(np.sign(whole) * (seconds * 1_000_000 + micros))


def _clock(micros: Ints, cells: Cells, definition: Definition, choices: Choices) -> Column:
    present = np.ones(len(micros), np.bool_) if cells.null is None else ~cells.null
    if choices.time_is_text:
        texts = [
            _duration_text(value, definition.fraction) if there else None
            for value, there in zip(micros.tolist(), present.tolist(), strict=True)
        ]
        return Column(pa.array(texts, pa.string()))
    bad = ((micros < 0) | (micros >= _DAY_US)) & present
    wrong = {
        int(i): f"'{_duration_text(int(micros[i]), definition.fraction)}' is no time of day"
        for i in np.flatnonzero(bad)
    }
    mask = ~present | bad
    return Column(pa.array(micros, mask=mask if mask.any() else None).cast(pa.time64("us")), wrong)


def _duration_text(micros: int, digits: int) -> str:
    seconds, part = divmod(abs(micros), 1_000_000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    fraction = f".{part:06}"[: digits + 1] if digits else ""
    return ("-" if micros < 0 else "") + text + fraction


def _calendar(buffer: Bytes, cells: Cells) -> tuple[Ints, Ints, Mask, dict[int, str]]:
    """Days since 1970, microseconds of the day, which are zero dates, and which no month has."""
    at = cells.starts if cells.null is None else np.where(cells.null, 0, cells.starts)
    code = cells.kind.code
    micros = np.zeros(len(at), np.int64)
    if code in (t.DATE, t.NEWDATE):
        packed = numbers(buffer, at, 3)
        year, month, day = packed >> 9, packed >> 5 & 15, packed & 31
    elif code == t.DATETIME:
        packed = _raw_numbers(buffer, cells, 8)
        date, time = packed // 1_000_000, packed % 1_000_000
        year, month, day = date // 10000, date // 100 % 100, date % 100
        micros = (time // 10000 * 3600 + time // 100 % 100 * 60 + time % 100) * 1_000_000
    else:
        packed = numbers(buffer, at, 5, big=True) - 0x8000000000
        day = packed >> 17 & 31
        year, month = (packed >> 22) // 13, (packed >> 22) % 13
        seconds = (packed >> 12 & 31) * 3600 + (packed >> 6 & 63) * 60 + (packed & 63)
        micros = seconds * 1_000_000 + _fraction(buffer, at + 5, cells.kind.meta)
    zero = (year == 0) | (month == 0) | (day == 0)
    days = _days(year, month, day)
    return days, micros, zero, _wrong_days(year, month, day, days, zero, cells.null)


def _wrong_days(
    year: Ints, month: Ints, day: Ints, days: Ints, zero: Mask, null: Mask | None
) -> dict[int, str]:
    """Dates such as February 31, which servers take with ALLOW_INVALID_DATES."""
    late = np.flatnonzero((day > 28) & ~zero if null is None else (day > 28) & ~zero & ~null)
    after = month[late] == 12
    following = _days(year[late] + after, np.where(after, 1, month[late] + 1), np.ones_like(late))
    return {
        int(i): f"'{year[i]:04}-{month[i]:02}-{day[i]:02}' is no date"
        for i in late[days[late] >= following]
    }


def _days(year: Ints, month: Ints, day: Ints) -> Ints:
    """Days since 1970 of a date of the Gregorian calendar.

    Source: "chrono-compatible low-level date algorithms", days_from_civil.
    """
    years = year - (month <= 2)
    era = years // 400
    of_era = years - era * 400
    of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    found: Ints = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    return found
