"""Patterns of dates, such as dd/MM/yyyy or %d/%m/%Y, taken apart: one language for blocks and
scripts (transformations.md 5)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

USUAL: Final = (
    "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd HH:mm:ss.SSS",
    "yyyy/MM/dd",
    "MM/dd/yyyy",
    "dd-MM-yyyy",
    "dd MMM yyyy",
)
"""Tried in this order where no pattern is given, after ISO 8601 and before RFC 2822."""
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

LETTERS: Final = frozenset([
    "yyyy", "yy", "M", "MM", "MMM", "MMMM", "d", "dd", "D", "E", "EEE", "EEEE", "H", "HH", "h",
    "hh", "a", "m", "mm", "s", "ss", "S", "SS", "SSS", "SSSS", "SSSSS", "SSSSSS", "z", "Z", "XXX",
])  # fmt: skip
"""What a run of letters may be (transformations.md 5)."""
_PERCENT: Final = {
    "Y": "yyyy",
    "y": "yy",
    "m": "MM",
    "b": "MMM",
    "h": "MMM",
    "B": "MMMM",
    "d": "dd",
    "e": "d",
    "j": "DDD",
    "a": "EEE",
    "A": "EEEE",
    "H": "HH",
    "I": "hh",
    "p": "a",
    "M": "mm",
    "S": "ss",
    "f": "SSSSSS",
    "Z": "z",
    "z": "Z",
}
_SEVERAL: Final = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "D": "%m/%d/%y", "R": "%H:%M"}


class PatternError(ValueError):
    """The pattern itself is wrong, whatever the text."""


@dataclass(frozen=True)
class Element:
    """A run of letters with a meaning, or literal text."""

    text: str
    literal: bool = False


def is_strftime(pattern: str) -> bool:
    """Whether it has a percent sign before a letter."""
    return any(a == "%" and b.isalpha() for a, b in itertools.pairwise(pattern))


def elements(pattern: str) -> tuple[Element, ...]:
    """The pattern read, in either form.

    Raises:
        PatternError: it holds a letter that means nothing, or a quote that does not end.
    """
    return tuple(_percent(pattern)) if is_strftime(pattern) else letters(pattern)


def letters(pattern: str) -> tuple[Element, ...]:
    """A pattern of letters read.

    Raises:
        PatternError: as `elements`.
    """
    return tuple(_letters(pattern))


def _percent(pattern: str) -> list[Element]:
    for letter, several in _SEVERAL.items():
        pattern = pattern.replace(f"%{letter}", several)
    found, at = [], 0
    while at < len(pattern):
        sign = pattern[at]
        if sign != "%":
            found.append(Element(sign, literal=True))
            at += 1
            continue
        letter = pattern[at + 1 : at + 2]
        if letter == "%":
            found.append(Element("%", literal=True))
        elif letter in _PERCENT:
            found.append(Element(_PERCENT[letter]))
        else:
            raise PatternError(f"%{letter} means nothing in a date pattern")
        at += 2
    return found


def _letters(pattern: str) -> list[Element]:
    found, at = [], 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "'":
            text, at = _quoted(pattern, at)
            found.append(Element(text, literal=True))
        elif sign.isascii() and sign.isalpha():
            run = len(pattern[at:]) - len(pattern[at:].lstrip(sign))
            if sign * run not in LETTERS:
                raise PatternError(f"{sign * run} means nothing in a date pattern")
            found.append(Element(sign * run))
            at += run
        else:
            found.append(Element(sign, literal=True))
            at += 1
    return found


def _quoted(pattern: str, at: int) -> tuple[str, int]:
    """The text between quotes, `''` is one quote; and the place behind it."""
    if pattern[at + 1 : at + 2] == "'":
        return "'", at + 2
    made, place = "", at + 1
    while place < len(pattern):
        if pattern[place] != "'":
            made += pattern[place]
            place += 1
        elif pattern[place + 1 : place + 2] == "'":
            made += "'"
            place += 2
        else:
            return made, place + 1
    raise PatternError("a quote in a date pattern does not end")
