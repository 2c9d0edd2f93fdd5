"""Letter patterns for dates and times (`yyyy-MM-dd`), and strftime's, both ways.

One table says what each run of letters means: how it is read and how it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from penstock.transforms.date_patterns import DAYS, MONTHS, PatternError, is_strftime, letters
from penstock.transforms.python.api.zones import offset_text, zone


@dataclass
class Parts:
    """What a text said; parts it did not name stay at their first value."""

    year: int = 1970
    month: int = 1
    day: int = 1
    day_of_year: int | None = None
    hour: int = 0
    hour12: int | None = None
    afternoon: bool = False
    minute: int = 0
    second: int = 0
    microsecond: int = 0
    zone: tzinfo | None = None

    def moment(self) -> datetime:
        """The moment, without a zone where the text had none.

        Raises:
            ValueError: no such day or hour.
        """
        hour = self.hour if self.hour12 is None else self.hour12 % 12 + 12 * self.afternoon
        if self.hour12 is not None and not 1 <= self.hour12 <= 12:
            raise ValueError("hour must be in 1..12")
        clock = time(hour, self.minute, self.second, self.microsecond)
        day = datetime(self.year, self.month, self.day, tzinfo=self.zone)
        if self.day_of_year is not None:
            day = datetime(self.year, 1, 1, tzinfo=self.zone) + timedelta(self.day_of_year - 1)
            if day.year != self.year or self.day_of_year < 1:
                raise ValueError("day of year is out of range")
        return datetime.combine(day, clock, self.zone)


@dataclass(frozen=True)
class Letters:
    """One run of letters: the expression of its text, and how it is read and written."""

    expression: str
    read: Callable[[Parts, str], None]
    write: Callable[[datetime], str]


def _set(name: str) -> Callable[[Parts, str], None]:
    return lambda parts, text: setattr(parts, name, int(text))


def _number(name: str, width: int, expression: str) -> Letters:
    return Letters(expression, _set(name), lambda value: f"{getattr(value, name):0{width}}")


def _two_digit_year(parts: Parts, text: str) -> None:
    number = int(text)
    parts.year = 2000 + number if number < 70 else 1900 + number


def _names(words: tuple[str, ...], length: int | None) -> str:
    return "|".join(word[:length] for word in words)


def _month(length: int | None) -> Letters:
    names = [name[:length].lower() for name in MONTHS]

    def read(parts: Parts, text: str) -> None:
        parts.month = names.index(text.lower()) + 1

    return Letters(_names(MONTHS, length), read, lambda value: MONTHS[value.month - 1][:length])


def _weekday(length: int | None) -> Letters:
    return Letters(
        _names(DAYS, length), lambda _parts, _text: None, lambda v: DAYS[v.weekday()][:length]
    )


def _half(parts: Parts, text: str) -> None:
    parts.afternoon = text.upper() == "PM"


def _fraction(width: int) -> Letters:
    def read(parts: Parts, text: str) -> None:
        parts.microsecond = int(text.ljust(6, "0"))

    return Letters(rf"\d{{{width}}}", read, lambda value: f"{value.microsecond:06}"[:width])


def _offset(parts: Parts, text: str) -> None:
    parts.zone = UTC if text.upper() == "Z" else zone(text)


def _zone_name(parts: Parts, text: str) -> None:
    parts.zone = zone(text)


def _hour12(value: datetime) -> int:
    return value.hour % 12 or 12


LETTERS: Final[dict[str, Letters]] = {
    "yyyy": _number("year", 4, r"\d{4}"),
    "yy": Letters(r"\d{2}", _two_digit_year, lambda value: f"{value.year % 100:02}"),
    "M": _number("month", 1, r"\d{1,2}"),
    "MM": _number("month", 2, r"\d{2}"),
    "MMM": _month(3),
    "MMMM": _month(None),
    "d": _number("day", 1, r"\d{1,2}"),
    "dd": _number("day", 2, r"\d{2}"),
    "D": Letters(r"\d{1,3}", _set("day_of_year"), lambda v: str(v.timetuple().tm_yday)),
    "E": _weekday(3),
    "EEE": _weekday(3),
    "EEEE": _weekday(None),
    "H": _number("hour", 1, r"\d{1,2}"),
    "HH": _number("hour", 2, r"\d{2}"),
    "h": Letters(r"\d{1,2}", _set("hour12"), lambda value: str(_hour12(value))),
    "hh": Letters(r"\d{2}", _set("hour12"), lambda value: f"{_hour12(value):02}"),
    "a": Letters(r"AM|PM", _half, lambda value: "AM" if value.hour < 12 else "PM"),
    "m": _number("minute", 1, r"\d{1,2}"),
    "mm": _number("minute", 2, r"\d{2}"),
    "s": _number("second", 1, r"\d{1,2}"),
    "ss": _number("second", 2, r"\d{2}"),
    **{"S" * width: _fraction(width) for width in range(1, 7)},
    "z": Letters(r"[A-Za-z][A-Za-z_/+-]*(?:\d+)?", _zone_name, lambda v: v.tzname() or "UTC"),
    "Z": Letters(r"[+-]\d{4}", _offset, lambda value: offset_text(value, colon=False)),
    "XXX": Letters(
        r"[+-]\d{2}:\d{2}|Z",
        _offset,
        lambda value: "Z" if not value.utcoffset() else offset_text(value, colon=True),
    ),
}
"""Every run of letters that a pattern may have (transformations.md 5)."""


@lru_cache(maxsize=512)
def tokens(pattern: str) -> tuple[Letters | str, ...]:
    """A letter pattern, taken apart.

    Raises:
        PatternError: a letter that has no meaning, or a quote that does not end.
    """
    return tuple(item.text if item.literal else LETTERS[item.text] for item in letters(pattern))


@lru_cache(maxsize=512)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (re.escape(t) if isinstance(t, str) else f"({t.expression})" for t in tokens(pattern))
    return re.compile("".join(parts), re.IGNORECASE | re.ASCII)


def read(text: str, pattern: str) -> datetime:
    """The moment in a text; without a zone where the pattern has none.

    Raises:
        ValueError: the text does not match, or names no day that exists.
    """
    try:
        if is_strftime(pattern):
            return datetime.strptime(text, pattern)  # noqa: DTZ007
        return _read(text, pattern)
    except PatternError:
        raise
    except ValueError:
        raise ValueError(f"{text!r} does not match {pattern!r}") from None


def _read(text: str, pattern: str) -> datetime:
    match = _expression(pattern).fullmatch(text)
    if match is None:
        raise ValueError(pattern)
    parts = Parts()
    named = [token for token in tokens(pattern) if not isinstance(token, str)]
    for token, found in zip(named, match.groups(), strict=True):
        token.read(parts, found)
    return parts.moment()


def write(value: datetime, pattern: str) -> str:
    """A moment as text."""
    if is_strftime(pattern):
        return value.strftime(pattern)
    return "".join(t if isinstance(t, str) else t.write(value) for t in tokens(pattern))
