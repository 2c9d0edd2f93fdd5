"""Type strings of values, and the type tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal

_INTEGER, _LONG = 2**31, 2**63


def type_of(value: object) -> str:
    """The type string of section 2.1, e.g. "varchar(3)", "integer", "json".

    Values of other Python types are named after what they become: tuples and sets "array",
    all else "varchar(n)" of its text.
    """
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"varchar({max(1, len(value))})"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, Decimal):
        return _decimal(value)
    for kinds, name in _NAMES:
        if isinstance(value, kinds):
            return name
    return f"varchar({max(1, len(str(value)))})"


_NAMES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (float, "double"),
    (datetime, "timestamp"),
    (date, "date"),
    (time, "time"),
    ((list, tuple, set, frozenset), "array"),
    (Mapping, "json"),
    ((bytes, bytearray), "bytes"),
)


def _integer(value: int) -> str:
    if -_INTEGER <= value < _INTEGER:
        return "integer"
    if -_LONG <= value < _LONG:
        return "long"
    return f"decimal({len(str(abs(value)))},0)"


def _decimal(value: Decimal) -> str:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):  # NaN and infinities become null
        return "null"
    scale = max(-exponent, 0)
    whole = max(len(digits) + exponent, 0)
    return f"decimal({max(whole + scale, 1)},{scale})"


def is_string(value: object) -> bool:
    """Text."""
    return isinstance(value, str)


def is_number(value: object) -> bool:
    """An integer, float or decimal; a boolean is none."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def is_boolean(value: object) -> bool:
    """True or false."""
    return isinstance(value, bool)


def is_date(value: object) -> bool:
    """A date without a time."""
    return isinstance(value, date) and not isinstance(value, datetime)


def is_time(value: object) -> bool:
    """A time of day."""
    return isinstance(value, time)


def is_timestamp(value: object) -> bool:
    """A date with a time."""
    return isinstance(value, datetime)
