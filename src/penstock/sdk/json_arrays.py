"""Columns of JSON values as Arrow arrays: the declared kind if all values fit, else text.

Nothing here fails on a value and nothing changes one: a column that does not fit its
kind becomes text. Empty strings and zero dates are null where the kind is not text.
"""

from __future__ import annotations

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
_ZERO_DATES: Final = ("0000-00-00", "0000-00-00 00:00:00")
_ZERO_DATE: Final = r"^0000-00-00([T ]00?:00(:00(\.0+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
_SAFE_FLOAT_CHARS: Final = 15
"""A float64 prints any number of fifteen digits again."""


def declared(values: Values, kind: Kind) -> pa.Array:
    """The column of a field whose kind is known; no values but null give the kind's type."""
    return _BY_KIND[kind](values)


def undeclared(values: Values, *, dates: bool = True) -> pa.Array:
    """The column of a field nobody declared, typed by its values; null type when all are null."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {str}:
        return parse_text(pa.array(values, pa.string()), dates=dates)
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
    # Blanks are rare, so they are looked for only when the plain way does not do.
    if (typed := texts.integers(text)) is not None:
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
    for candidate in (text, _blank_to_null(text)):
        try:
            return candidate.cast(pa.bool_())  # 0, 1, true, false
        except pa.ArrowInvalid:
            continue
    return _flag_words(_blank_to_null(text))


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
    if (typed := parsers[0](text)) is not None:
        return typed
    text = _zero_to_null(_blank_to_null(text))
    if text.null_count == len(text):
        return pa.nulls(len(text), empty)
    for candidate in (text, texts.tidy_times(text)):
        for parse in parsers:
            if (typed := parse(candidate)) is not None:
                return typed
    return text


def _json(values: Values) -> pa.Array:
    return json_array(json_texts(values))


def _or_text(typed: pa.Array | None, text: pa.StringArray) -> pa.Array:
    return text if typed is None else typed


def _first_type(values: Values) -> type:
    return next((type(value) for value in values if value is not None), type(None))


def _zero_to_null(text: pa.StringArray) -> pa.StringArray:
    for zero in _ZERO_DATES:
        text = pc.if_else(pc.equal(text, zero), _NOTHING, text)
    if not pc.any(pc.starts_with(text, _ZERO_DATES[0]), min_count=0).as_py():
        return text
    return pc.if_else(pc.match_substring_regex(text, _ZERO_DATE), _NOTHING, text)


def _blank_to_null(text: pa.StringArray) -> pa.StringArray:
    blank = pc.equal(pc.binary_length(text), 0)
    return pc.if_else(blank, _NOTHING, text) if pc.any(blank, min_count=0).as_py() else text


_BY_KIND: Final[dict[Kind, Callable[[Values], pa.Array]]] = {
    Kind.NUMBER: _numbers,
    Kind.BOOL: _flags,
    Kind.INSTANT: _instants,
    Kind.LOCAL_TIME: _local_times,
    Kind.DATE: _dates,
    Kind.TEXT: text_array,
    Kind.JSON: _json,
}
