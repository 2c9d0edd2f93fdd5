"""Typed columns out of text, by Arrow's kernels; None when one value does not parse.

Each parser is exact: it gives either every value of the column, unchanged, or None.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.types import MAX_DIGITS, TIME, TIMESTAMP, TIMESTAMPTZ, decimal_type

_DECIMAL: Final = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
_DATE: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_TIME: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?$"
_ZONED: Final = r"[T ][0-9:.]+(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAYS: Final = (date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH)
"""Years 1 to 9999, which every destination and Python can hold, in days since 1970."""
_MICROSECONDS: Final = (_DAYS[0] * 86_400_000_000, (_DAYS[1] + 1) * 86_400_000_000 - 1)


def matches(text: pa.StringArray, pattern: str) -> bool:
    """Whether every value that is not null matches."""
    return bool(pc.all(pc.match_substring_regex(text, pattern), min_count=0).as_py())


def integers(text: pa.StringArray) -> pa.Int64Array | None:
    """64-bit integers in canonical form: no plus, no leading zero, no spaces."""
    try:
        numbers = text.cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    # Arrow reads 007 and 0x1F too: only what prints the same again is the same value.
    return numbers if numbers.cast(pa.string()).equals(text) else None


def decimals(text: pa.StringArray) -> pa.Array | None:
    """Plain decimals of at most 76 digits, exact; 18, 38 or 76 digits wide.

    The steps keep the column's type the same from batch to batch while its values grow.
    """
    if not matches(text, _DECIMAL):
        return None
    size = pc.utf8_length(text)
    point = pc.find_substring(text, ".")
    none = pc.less(point, 0)
    scale = pc.max(pc.if_else(none, 0, pc.subtract(pc.subtract(size, point), 1))).as_py() or 0
    sign = pc.cast(pc.starts_with(text, "-"), pa.int32())
    whole = pc.max(pc.subtract(pc.if_else(none, size, point), sign)).as_py() or 1
    digits = next((step for step in (18, 38, MAX_DIGITS) if whole + scale <= step), None)
    if digits is None:
        return None
    return text.cast(decimal_type(digits - scale, scale))


def dates(text: pa.StringArray) -> pa.Date32Array | None:
    """`YYYY-MM-DD`, years 1 to 9999."""
    try:
        days = text.cast(pa.date32())
    except pa.ArrowInvalid:
        return None
    return days if _within(days.view(pa.int32()), _DAYS) else None


def times(text: pa.StringArray) -> pa.Time64Array | None:
    """`HH:MM[:SS[.f]]`, at most six digits of fraction."""
    if not matches(text, _TIME):
        return None
    # Arrow has no cast from text to time, but has one from timestamps.
    return pc.binary_join_element_wise("1970-01-01T", text, "").cast(TIMESTAMP).cast(TIME)


def instants(text: pa.StringArray) -> pa.TimestampArray | None:
    """ISO 8601 with an offset, as instants in UTC."""
    return _timestamps(text, TIMESTAMPTZ)


def local_times(text: pa.StringArray) -> pa.TimestampArray | None:
    """ISO 8601 without an offset; a date alone is its midnight."""
    return _timestamps(text, TIMESTAMP)


def mixed_times(text: pa.StringArray) -> pa.TimestampArray | None:
    """ISO 8601 with and without offsets; those without are taken as UTC."""
    zoned = pc.match_substring_regex(text, _ZONED)
    nothing = pa.scalar(None, pa.string())
    with_offset = instants(pc.if_else(zoned, text, nothing))
    without = local_times(pc.if_else(zoned, nothing, text))
    if with_offset is None or without is None:
        return None
    return pc.coalesce(with_offset, without.cast(TIMESTAMPTZ))


def _timestamps(text: pa.StringArray, kind: pa.DataType) -> pa.TimestampArray | None:
    try:
        moments = text.cast(kind)
    except pa.ArrowInvalid:
        return None
    return moments if _within(moments.view(pa.int64()), _MICROSECONDS) else None


def _within(numbers: pa.Array, bounds: tuple[int, int]) -> bool:
    """Whether all is in the calendar: Arrow reads the year 0, and offsets go past its ends."""
    found = pc.min_max(numbers).as_py()
    return found["min"] is None or (bounds[0] <= found["min"] and found["max"] <= bounds[1])


def tidy_times(text: pa.StringArray) -> pa.StringArray:
    """Give one-digit hours their zero, cut zeros past microseconds; the moment stays the same."""
    text = pc.replace_substring_regex(text, r"^([0-9]{4}-[0-9]{2}-[0-9]{2}[T ])([0-9]:)", r"\10\2")
    return pc.replace_substring_regex(text, r"(\.[0-9]{6})0+(Z|[+-]|$)", r"\1\2")


def are_dates(text: pa.StringArray) -> bool:
    """Whether every value has the form of a date, valid or not."""
    return matches(text, _DATE)
