"""Values that a script returned as the plain ones of which columns are made.

Whatever may run the script's own code (`__str__`, a time zone, an iterator) runs here, while its
event is being worked on, and never later.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from penstock.transforms.python.api.json_text import BadValueError, written
from penstock.transforms.python.decode import Missing


class Json(str):
    """JSON text of an object or array."""

    __slots__ = ()


class Clock(str):
    """A time of day with an offset."""

    __slots__ = ()


PLAIN: Final = frozenset(
    {str, int, float, bool, type(None), Decimal, date, datetime, bytes, Missing}
)
"""Types that go into a column as they are; moments get their zone there."""


def plain(value: Any) -> Any:
    """The value as it goes into a column.

    Raises:
        BadValueError: it cannot be loaded.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is time:
        return value if value.tzinfo is None else Clock(value.isoformat())
    if isinstance(value, dict | list | tuple | set | frozenset):
        return _json(value)
    return _derived(value)


def _json(value: Any) -> Json:
    try:
        text = written(value)
        text.encode()
    except UnicodeEncodeError:
        raise BadValueError("text with half of a surrogate pair cannot be loaded") from None
    except RecursionError:
        raise BadValueError("objects within each other without end") from None
    return Json(text)


def in_utc(value: datetime) -> datetime:
    """The moment in UTC; one without a zone is taken as being in it.

    Raises:
        BadValueError: it is beyond the years that there are.
    """
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise BadValueError(f"the moment {value} is beyond the years of UTC") from None


def _derived(value: Any) -> Any:
    """Values of subclasses as their plain kind, and those that become text."""
    if isinstance(value, Enum | UUID | PurePath):
        return str.__str__(str(value))
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__index__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, Decimal):
        return Decimal(str(value))
    if isinstance(value, datetime):
        return in_utc(
            datetime(
                value.year, value.month, value.day, value.hour, value.minute, value.second,
                value.microsecond, value.tzinfo,
            )
        )  # fmt: skip
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    raise BadValueError(f"values of type {type(value).__name__} cannot be loaded")
