"""Columns of JSON scalars that nobody declared: the type is found by the values.

Nothing here fails on a value and nothing changes one: values of several kinds become text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import texts
from penstock.core.infer import JsonNumber, infer_all, infer_integers, parse_text
from penstock.core.types import MAX_DIGITS

Values = Sequence[Any]
"""None, bool, int, `JsonNumber` or str."""

NO_MOMENT: Final = re.compile(
    r"(0000-00-00([T ]00?:00(:00(\.0+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?)?", re.ASCII
)
"""Nothing at all, or a zero date in any of its forms."""
_NOTHING: Final = pa.scalar(None, pa.string())
_BLANK: Final = pa.array([""], pa.string())
_ZERO_YEAR: Final = "0000-"
_SAFE_FLOAT_CHARS: Final = 15
"""A float64 prints any number of fifteen digits again."""


def typed_scalars(values: Values, *, dates: bool = True) -> pa.Array:
    """The column of these scalars; null type when all are null.

    Args:
        dates: look for dates and times in text.
    """
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {str}:
        return typed_text(pa.array(values, pa.string()), dates=dates)
    if not kinds:
        return pa.nulls(len(values))
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {int}:
        return _whole(values)
    if kinds == {JsonNumber} or kinds == {JsonNumber, int}:
        return _fractions(values)
    return scalar_texts(values)


def scalar_text(value: bool | int | str | None) -> str | None:
    """The value as a text column shows it; a `JsonNumber` is its own text."""
    if value is None or isinstance(value, str):
        return value
    if value is True:
        return "true"
    return "false" if value is False else str(value)


def scalar_texts(values: Values) -> pa.StringArray:
    """Scalars of any kind as text; null stays null."""
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([scalar_text(value) for value in values], pa.string())


def typed_text(text: pa.StringArray, *, dates: bool) -> pa.Array:
    """Among dates and times zero dates are null; alone, or beside other text, they stay text."""
    column = parse_text(text, dates=dates)
    if not dates or column.type != pa.string() or not _has_zero_date(text):
        return column
    column = parse_text(to_null(text, _zero_dates(text)), dates=dates)
    return text if column.type == pa.string() else column


def _has_zero_date(text: pa.StringArray) -> bool:
    return bool(pc.any(pc.starts_with(text, _ZERO_YEAR), min_count=0).as_py())


def _zero_dates(text: pa.StringArray) -> pa.StringArray:
    found = [v for v in text.unique().to_pylist() if v and NO_MOMENT.fullmatch(v)]
    return pa.array(found, pa.string())


def _whole(values: Values) -> pa.Array:
    kind = infer_integers(values)
    if pa.types.is_decimal(kind):
        return pa.array([None if v is None else Decimal(v) for v in values], kind)
    return pa.array(values, kind) if kind != pa.string() else scalar_texts(values)


def _fractions(values: Values) -> pa.Array:
    """DOUBLE when a float64 holds every value, else an exact decimal, else text."""
    text = scalar_texts(values)
    longest = pc.max(pc.binary_length(text)).as_py()
    if longest > _SAFE_FLOAT_CHARS or pc.any(pc.match_substring_regex(text, "[eE]")).as_py():
        kind = infer_all(JsonNumber(v) for v in set(text.to_pylist()) if v is not None)
        if kind != pa.float64():
            decimals = plain_decimals(text, values)
            return text if decimals is None else decimals
    return text.cast(pa.float64())


def plain_decimals(text: pa.StringArray, values: Values) -> pa.Array | None:
    """Decimals among which JSON numbers may have an exponent, e.g. 1.0e+25.

    Args:
        text: the values as text.
    """
    if any(isinstance(value, JsonNumber) for value in values):
        plain = [
            _without_exponent(t) if isinstance(v, JsonNumber) else t
            for t, v in zip(text.to_pylist(), values, strict=True)
        ]
        text = pa.array(plain, pa.string())
    return texts.decimals(blank_to_null(text))


def _without_exponent(number: str) -> str:
    """The same number in plain digits, or as it is when they are too many to write."""
    try:
        value = Decimal(number)
    except InvalidOperation:  # an exponent of more than eighteen digits
        return number
    return format(value, "f") if abs(value.adjusted()) <= MAX_DIGITS else number


def blank_to_null(text: pa.StringArray) -> pa.StringArray:
    return to_null(text, _BLANK)


def to_null(text: pa.StringArray, values: pa.StringArray) -> pa.StringArray:
    # Looking for members of a set is several times faster than comparing with a scalar.
    found = pc.is_in(text, values)
    return pc.if_else(found, _NOTHING, text) if found.true_count else text
