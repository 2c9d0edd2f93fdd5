"""Reading moments from texts of no stated format, and from epochs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from penstock.transforms.date_patterns import USUAL
from penstock.transforms.python.api import patterns

_ISO: Final = re.compile(r"\d{4}-?\d{2}-?\d{2}([T ]\d{2}.*)?|\d{4}-?W\d{2}.*")
_CLOCK: Final = re.compile(r"T?\d{2}:\d{2}.*")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
UNITS: Final = {"SECONDS": 10**6, "MILLIS": 10**3, "MICROS": 1, "NANOS": 0}
"""Microseconds in one; a nanosecond is less than one."""


def any_format(text: str) -> datetime:
    """The moment in a text of one of the default formats.

    Raises:
        ValueError: it has none of them.
    """
    plain = text.strip()
    if _ISO.fullmatch(plain):
        try:
            return datetime.fromisoformat(plain)
        except ValueError:
            pass  # it may still have another of the formats
    for pattern in USUAL:
        try:
            return patterns.read(plain, pattern)
        except ValueError:
            continue
    try:
        return parsedate_to_datetime(plain)
    except (ValueError, TypeError, IndexError):
        raise ValueError(f"{text!r} is no date of a known format") from None


def any_clock(text: str) -> time:
    """The time of day in a text: a time, or the time of a moment.

    Raises:
        ValueError: it has neither.
    """
    plain = text.strip()
    if _CLOCK.fullmatch(plain):
        return time.fromisoformat(plain.removeprefix("T"))
    return any_format(plain).timetz()


def from_epoch(number: int | float, unit: str | None) -> datetime:
    """The moment in UTC; without a unit it is told by the magnitude.

    Raises:
        ValueError: the unit is unknown, or the year is beyond 9999.
    """
    name = (unit or _guessed(number)).upper()
    if name not in UNITS:
        raise ValueError(f"epochs have the units {', '.join(UNITS)}, not {unit!r}")
    scale = UNITS[name]
    micros = int(number * scale) if scale else int(number // 1000)
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise ValueError(f"the epoch {number} is beyond the year 9999") from None


def _guessed(number: int | float) -> str:
    size = abs(number)
    if size < 1e11:
        return "SECONDS"
    if size < 1e14:
        return "MILLIS"
    return "MICROS" if size < 1e17 else "NANOS"
