"""Columns of JSON values as Arrow arrays: the declared kind if all values fit, else text.

Nothing here fails on a value and nothing changes one: a column that does not fit its
kind becomes text. Empty strings and zero dates are null where the kind is not text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import texts
from penstock.core.types import TIMESTAMP, TIMESTAMPTZ, json_array
from penstock.core.untyped import NO_MOMENT, blank_to_null, plain_decimals, to_null, typed_scalars
from penstock.sdk.json_kinds import Kind
from penstock.sdk.json_values import json_texts, text_array

Values = Sequence[Any]
_YEAR_ONE: Final = "0001"
_CONTAINERS: Final = {dict, list}
_EARLY_ROWS: Final = 64
"""A parse that fails costs ten times as much as one that does not. What makes most of them
fail, blanks and zero dates, is nearly always among the first rows, so these are looked at."""


def declared(values: Values, kind: Kind) -> pa.Array:
    """The column of a field whose kind is known; no values but null give the kind's type."""
    return _BY_KIND[kind](values)


def undeclared(values: Values, *, dates: bool = True) -> pa.Array:
    """The column of a field nobody declared, typed by its values; null type when all are null."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds.isdisjoint(_CONTAINERS):
        return typed_scalars(values, dates=dates)
    return json_array(json_texts(values)) if kinds <= _CONTAINERS else text_array(values)


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
    text = blank_to_null(text)
    for parse in (texts.integers, texts.decimals):
        if (typed := parse(text)) is not None:
            return typed
    return _or_text(plain_decimals(text, values), text)


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
    text = blank_to_null(text)
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
    nothing = [v for v in text.unique().to_pylist() if v is not None and NO_MOMENT.fullmatch(v)]
    return to_null(text, pa.array(nothing, pa.string())) if nothing else text


_BY_KIND: Final[dict[Kind, Callable[[Values], pa.Array]]] = {
    Kind.NUMBER: _numbers,
    Kind.BOOL: _flags,
    Kind.INSTANT: _instants,
    Kind.LOCAL_TIME: _local_times,
    Kind.DATE: _dates,
    Kind.TEXT: text_array,
    Kind.JSON: _json,
}
