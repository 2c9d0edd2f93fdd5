"""Dates and times written by a pattern, over whole columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.types import TIMESTAMP, TIMESTAMPTZ
from penstock.transforms.columns.column import Kind, Part
from penstock.transforms.columns.zones import local
from penstock.transforms.date_patterns import DAYS, MONTHS, Element


def written(part: Part, pattern: Sequence[Element], zone: str) -> pa.StringArray:
    """Each date, time or timestamp by the pattern; parts that it lacks are zeros.

    Timestamps are shown on the clock of the zone; dates and times of day have no zone.
    """
    walls, offset = _walls(part, zone)
    pieces = [e.text if e.literal else _ELEMENTS[e.text](walls, offset, zone) for e in pattern]
    if all(isinstance(piece, str) for piece in pieces):
        return pc.if_else(walls.is_valid(), "".join(pieces), pa.scalar(None, pa.string()))
    return pc.binary_join_element_wise(*pieces, "")


def _walls(part: Part, zone: str) -> tuple[pa.Array, pa.Array]:
    """What the clock shows, and how many minutes it is ahead of UTC."""
    values = part.values
    if part.kind is Kind.TIMESTAMP:
        walls = local(values, zone)
        ahead = pc.subtract(walls, values.cast(TIMESTAMPTZ).cast(TIMESTAMP))
        return walls, pc.divide(ahead.cast(pa.int64()), 60_000_000)
    if part.kind is Kind.TIME:
        values = values.cast(pa.int64())
    walls = values.cast(TIMESTAMP)
    return walls, pc.multiply(walls.cast(pa.int64()), 0)


def _padded(numbers: pa.Array, width: int) -> pa.StringArray:
    return pc.utf8_lpad(numbers.cast(pa.string()), width, "0")


def _named(numbers: pa.Array, names: Sequence[str], first: int, length: int | None) -> pa.Array:
    words = pa.array([name[:length] for name in names])
    return words.take(pc.subtract(numbers, first))


def _hour12(walls: pa.Array) -> pa.Array:
    hour = pc.hour(walls)
    twelve = pc.if_else(pc.greater(hour, 12), pc.subtract(hour, 12), hour)
    return pc.if_else(pc.equal(twelve, 0), 12, twelve)


def _fraction(walls: pa.Array, digits: int) -> pa.StringArray:
    micros = pc.add(pc.multiply(pc.millisecond(walls), 1000), pc.microsecond(walls))
    return pc.utf8_slice_codeunits(_padded(micros, 6), 0, digits)


def _offset(minutes: pa.Array, between: str) -> pa.StringArray:
    size = pc.abs(minutes)
    hours = pc.divide(size, 60)
    rest = pc.subtract(size, pc.multiply(hours, 60))
    sign = pc.if_else(pc.less(minutes, 0), "-", "+")
    return pc.binary_join_element_wise(sign, _padded(hours, 2), between, _padded(rest, 2), "")


def _iso_offset(minutes: pa.Array) -> pa.StringArray:
    return pc.if_else(pc.equal(minutes, 0), "Z", _offset(minutes, ":"))


def _zone_name(walls: pa.Array, minutes: pa.Array, zone: str) -> pa.StringArray:
    """The zone's short name on that day, e.g. IST; offsets have themselves as name."""
    if zone[0] in "+-" or zone == "UTC":
        return pa.repeat(pa.scalar(zone), len(walls))
    instants = pc.subtract(walls, pc.multiply(minutes, 60_000_000).cast(pa.duration("us")))
    return pc.strftime(instants.cast(TIMESTAMPTZ).cast(pa.timestamp("us", zone)), "%Z")


Writer = Callable[[pa.Array, pa.Array, str], pa.Array]


def _fraction_of(digits: int) -> Writer:
    return lambda walls, _offset, _zone: _fraction(walls, digits)


_ELEMENTS: Final[dict[str, Writer]] = {
    **{"S" * digits: _fraction_of(digits) for digits in range(1, 7)},
    "yyyy": lambda w, _o, _z: _padded(pc.year(w), 4),
    "yy": lambda w, _o, _z: pc.utf8_slice_codeunits(_padded(pc.year(w), 4), -2),
    "M": lambda w, _o, _z: pc.month(w).cast(pa.string()),
    "MM": lambda w, _o, _z: _padded(pc.month(w), 2),
    "MMM": lambda w, _o, _z: _named(pc.month(w), MONTHS, 1, 3),
    "MMMM": lambda w, _o, _z: _named(pc.month(w), MONTHS, 1, None),
    "d": lambda w, _o, _z: pc.day(w).cast(pa.string()),
    "dd": lambda w, _o, _z: _padded(pc.day(w), 2),
    "D": lambda w, _o, _z: pc.day_of_year(w).cast(pa.string()),
    "DDD": lambda w, _o, _z: _padded(pc.day_of_year(w), 3),
    "E": lambda w, _o, _z: _named(pc.day_of_week(w), DAYS, 0, 3),
    "EEE": lambda w, _o, _z: _named(pc.day_of_week(w), DAYS, 0, 3),
    "EEEE": lambda w, _o, _z: _named(pc.day_of_week(w), DAYS, 0, None),
    "H": lambda w, _o, _z: pc.hour(w).cast(pa.string()),
    "HH": lambda w, _o, _z: _padded(pc.hour(w), 2),
    "h": lambda w, _o, _z: _hour12(w).cast(pa.string()),
    "hh": lambda w, _o, _z: _padded(_hour12(w), 2),
    "a": lambda w, _o, _z: pc.if_else(pc.less(pc.hour(w), 12), "AM", "PM"),
    "m": lambda w, _o, _z: pc.minute(w).cast(pa.string()),
    "mm": lambda w, _o, _z: _padded(pc.minute(w), 2),
    "s": lambda w, _o, _z: pc.second(w).cast(pa.string()),
    "ss": lambda w, _o, _z: _padded(pc.second(w), 2),
    "z": _zone_name,
    "Z": lambda _w, o, _z: _offset(o, ""),
    "XXX": lambda _w, o, _z: _iso_offset(o),
}
