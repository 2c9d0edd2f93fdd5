"""Columns of JSON values as Arrow arrays: the declared kind if all values fit, else text.

Nothing here fails on a value and nothing changes one: a column that does not fit its
kind becomes text. Empty strings and zero dates are null where the kind is not text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import texts
from penstock.core.infer import JsonNumber, infer_all, infer_integers, parse_text
from penstock.core.types import MAX_DIGITS, TIMESTAMP, TIMESTAMPTZ, json_array
from penstock.sdk.json_kinds import Kind
from penstock.sdk.json_values import json_texts, text_array

Values = Sequence[Any]
_NOTHING: Final = pa.scalar(None, pa.string())
_BLANK: Final = pa.array([""], pa.string())
_YEAR_ONE: Final = "0001"
_NO_MOMENT: Final = re.compile(
    r"(0000-00-00([T ]00?:00(:00(\.0+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?)?", re.ASCII
)
"""Nothing at all, or a zero date in any of its forms."""
_ZERO_YEAR: Final = "0000-"
_EARLY_ROWS: Final = 64
"""A parse that fails costs ten times as much as one that does not. What makes most of them
fail, blanks and zero dates, is nearly always among the first rows, so these are looked at."""
_SAFE_FLOAT_CHARS: Final = 15
"""A float64 prints any number of fifteen digits again."""


def declared(values: Values, kind: Kind) -> pa.Array:
    """The column of a field whose kind is known; no values but null give the kind's type."""
    return _BY_KIND[kind](values)


def undeclared(values: Values, *, dates: bool = True) -> pa.Array:
    """The column of a field nobody declared, typed by its values; null type when all are null."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {str}:
        return _undeclared_text(pa.array(values, pa.string()), dates=dates)
    if not kinds:
        return pa.nulls(len(values))
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {int}:
        return _whole(values)
    if kinds <= {dict, list}:
        return json_array(json_texts(values))
    if kinds == {JsonNumber} or kinds == {JsonNumber, int}:
        return _fractions(values)
    return text_array(values)


def _undeclared_text(text: pa.StringArray, *, dates: bool) -> pa.Array:
    """Among dates and times zero dates are null; alone, or beside other text, they stay text."""
    typed = parse_text(text, dates=dates)
    if not dates or typed.type != pa.string() or not _has_zero_date(text):
        return typed
    typed = parse_text(_to_null(text, _zero_dates(text)), dates=dates)
    return text if typed.type == pa.string() else typed


def _has_zero_date(text: pa.StringArray) -> bool:
    return bool(pc.any(pc.starts_with(text, _ZERO_YEAR), min_count=0).as_py())


def _zero_dates(text: pa.StringArray) -> pa.StringArray:
    found = [v for v in text.unique().to_pylist() if v and _NO_MOMENT.fullmatch(v)]
    return pa.array(found, pa.string())


def _whole(values: Values) -> pa.Array:
    kind = infer_integers(values)
    if pa.types.is_decimal(kind):
        return pa.array([None if v is None else Decimal(v) for v in values], kind)
    return pa.array(values, kind) if kind != pa.string() else text_array(values)


def _fractions(values: Values) -> pa.Array:
    """DOUBLE when a float64 holds every value, else an exact decimal, else text."""
    text = text_array(values)
    longest = pc.max(pc.binary_length(text)).as_py()
    if longest > _SAFE_FLOAT_CHARS or pc.any(pc.match_substring_regex(text, "[eE]")).as_py():
        kind = infer_all(JsonNumber(v) for v in set(text.to_pylist()) if v is not None)
        if kind != pa.float64():
            return _or_text(_plain_decimals(values), text)
    return text.cast(pa.float64())


def _numbers(values: Values) -> pa.Array:
    if _first_type(values) is int:
        try:
            return pa.array(values, pa.int64())
        except (pa.ArrowTypeError, pa.ArrowInvalid, OverflowError):
            pass  # a value of another kind, or a larger one: the text path sorts it out
    text = text_array(values)
    if text.null_count == len(text):
        return pa.nulls(len(text), pa.int64())
    blank = any(value == "" for value in values[:_EARLY_ROWS])
    if not blank and (typed := texts.integers(text)) is not None:
        return typed
    text = _blank_to_null(text)
    for parse in (texts.integers, texts.decimals):
        if (typed := parse(text)) is not None:
            return typed
    return _or_text(_plain_decimals(values), text)


def _plain_decimals(values: Values) -> pa.Array | None:
    """Decimals among which JSON numbers may have an exponent, e.g. 1.0e+25."""
    plain = [_without_exponent(v) if isinstance(v, JsonNumber) else v for v in values]
    return texts.decimals(_blank_to_null(text_array(plain)))


def _without_exponent(number: JsonNumber) -> str:
    """The same number in plain digits, or as it is when they are too many to write."""
    try:
        value = Decimal(number)
    except InvalidOperation:  # an exponent of more than eighteen digits
        return number
    return format(value, "f") if abs(value.adjusted()) <= MAX_DIGITS else number


def _flags(values: Values) -> pa.Array:
    if _first_type(values) is bool:
        try:
            return pa.array(values, pa.bool_())
        except (pa.ArrowTypeError, pa.ArrowInvalid):
            pass
    text = text_array(values)
    if text.null_count == len(text):
        return pa.nulls(len(text), pa.bool_())
    if (typed := _zero_or_one(text)) is not None:
        return typed
    text = _blank_to_null(text)
    return _flag_words(text) if (typed := _zero_or_one(text)) is None else typed


def _zero_or_one(text: pa.StringArray) -> pa.BooleanArray | None:
    try:
        return text.cast(pa.bool_())  # 0, 1, true, false
    except pa.ArrowInvalid:
        return None


def _flag_words(text: pa.StringArray) -> pa.StringArray:
    """Flags as the words a boolean column takes when it widens to text; the rest as it is."""
    yes, no = (pc.equal(text, digit) for digit in ("1", "0"))
    return pc.if_else(yes, "true", pc.if_else(no, "false", text))


def _instants(values: Values) -> pa.Array:
    return _moments(values, TIMESTAMPTZ, (texts.instants, texts.local_times, texts.mixed_times))


def _local_times(values: Values) -> pa.Array:
    return _moments(values, TIMESTAMP, (texts.local_times, texts.instants, texts.mixed_times))


def _dates(values: Values) -> pa.Array:
    parsers = (texts.dates, texts.local_times, texts.instants, texts.mixed_times)
    return _moments(values, pa.date32(), parsers)


Parser = Callable[[pa.StringArray], pa.Array | None]


def _moments(values: Values, empty: pa.DataType, parsers: tuple[Parser, ...]) -> pa.Array:
    text = text_array(values)
    if text.null_count == len(text):
        return pa.nulls(len(text), empty)
    blank = any(isinstance(v, str) and v < _YEAR_ONE for v in values[:_EARLY_ROWS])
    if not blank and (typed := parsers[0](text)) is not None:
        return typed
    text = _no_moment_to_null(text)
    if text.null_count == len(text):
        return pa.nulls(len(text), empty)
    if (typed := _first_parsed(text, parsers)) is not None:
        return typed
    return _or_text(_first_parsed(texts.tidy_times(text), parsers), text)


def _first_parsed(text: pa.StringArray, parsers: tuple[Parser, ...]) -> pa.Array | None:
    return next((typed for parse in parsers if (typed := parse(text)) is not None), None)


def _json(values: Values) -> pa.Array:
    return json_array(json_texts(values))


def _or_text(typed: pa.Array | None, text: pa.StringArray) -> pa.Array:
    return text if typed is None else typed


def _first_type(values: Values) -> type:
    return next((type(value) for value in values if value is not None), type(None))


def _no_moment_to_null(text: pa.StringArray) -> pa.StringArray:
    nothing = [v for v in text.unique().to_pylist() if v is not None and _NO_MOMENT.fullmatch(v)]
    return _to_null(text, pa.array(nothing, pa.string())) if nothing else text


def _blank_to_null(text: pa.StringArray) -> pa.StringArray:
    return _to_null(text, _BLANK)


def _to_null(text: pa.StringArray, values: pa.StringArray) -> pa.StringArray:
    # Looking for members of a set is several times faster than comparing with a scalar.
    found = pc.is_in(text, values)
    return pc.if_else(found, _NOTHING, text) if found.true_count else text


_BY_KIND: Final[dict[Kind, Callable[[Values], pa.Array]]] = {
    Kind.NUMBER: _numbers,
    Kind.BOOL: _flags,
    Kind.INSTANT: _instants,
    Kind.LOCAL_TIME: _local_times,
    Kind.DATE: _dates,
    Kind.TEXT: text_array,
    Kind.JSON: _json,
}
