"""Types of untyped values, by the rules of JSON scalars."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from functools import reduce
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import texts
from penstock.core.types import JSON, decimal_type
from penstock.core.widen import widen

INT32_MAX: Final = 2**31 - 1
INT64_MAX: Final = 2**63 - 1
_LIKE_A_TIME: Final = r"^([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}:[0-9]{2})"
_HOUR_ONLY: Final = r"[T ][0-9]{2}(Z|[+-].*)?$"
"""Arrow reads `YYYY-MM-DDThh` as a time; text that looks so is more likely something else."""


class JsonNumber(str):
    """A JSON number with fraction or exponent, kept as its text: no digit is lost."""

    __slots__ = ()


def infer(value: object, *, dates: bool = True) -> pa.DataType:
    """The type of one JSON value; `dates` looks for dates and times in text."""
    if value is None:
        return pa.null()
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        return _integer(value, value)
    if isinstance(value, JsonNumber):
        return _fraction(value)
    if isinstance(value, float | Decimal):
        return _fraction(str(value))
    if isinstance(value, str):
        return infer_text(pa.array([value], pa.string()), dates=dates)
    return JSON


def infer_all(values: Iterable[object], *, dates: bool = True) -> pa.DataType:
    """The smallest type that holds every value; null when there is none but null."""
    kinds = {infer(value, dates=dates) for value in values}
    return reduce(widen, sorted(kinds, key=str), pa.null())


def infer_integers(numbers: Iterable[int]) -> pa.DataType:
    """INT, LONG or a decimal for whole numbers, by the smallest and the largest."""
    known = [n for n in numbers if n is not None]
    return _integer(min(known), max(known)) if known else pa.null()


def _integer(low: int, high: int) -> pa.DataType:
    if low >= -INT32_MAX - 1 and high <= INT32_MAX:
        return pa.int32()
    if low >= -INT64_MAX - 1 and high <= INT64_MAX:
        return pa.int64()
    digits = max(len(str(abs(low))), len(str(abs(high))))
    return decimal_type(max(digits, 38), 0) or pa.string()


def _fraction(text: str) -> pa.DataType:
    """DOUBLE when a float64 prints the same number again, else an exact decimal or text."""
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent of more than eighteen digits
        return pa.string()
    if not number.is_finite():
        return pa.float64()
    if Decimal(repr(float(text))) == number:
        return pa.float64()
    plain = format(number, "f") if abs(number.adjusted()) <= 80 else "e"
    whole, _, fraction = plain.lstrip("-").partition(".")
    return (decimal_type(len(whole), len(fraction)) if whole != "e" else None) or pa.string()


def infer_text(text: pa.StringArray, *, dates: bool = True) -> pa.DataType:
    """The type of a column of JSON strings: date, time, timestamp or just text."""
    return pa.null() if text.null_count == len(text) else parse_text(text, dates=dates).type


def parse_text(text: pa.StringArray, *, dates: bool = True) -> pa.Array:
    """A column of JSON strings under its inferred type; the text itself where that is STRING."""
    # Most columns are plain text: the form of the first values settles those.
    if not dates or not all(texts.matches(t, _LIKE_A_TIME) for t in (text.slice(0, 32), text)):
        return text
    if text.null_count == len(text) or _any(text, _HOUR_ONLY):
        return text
    parsers = (texts.dates, texts.times, texts.instants, texts.local_times, texts.mixed_times)
    return next((typed for parse in parsers if (typed := parse(text)) is not None), text)


def _any(text: pa.StringArray, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(text, pattern), min_count=0).as_py())
