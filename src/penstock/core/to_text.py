"""Columns of any type as text or JSON text, exact to the last digit."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.types import TIMESTAMP, Logical, json_array, logical

_PLAIN_SCALE: Final = 6
"""Up to this scale Arrow writes decimals without an exponent."""
_NO_JSON: Final = {"NaN", "Infinity", "-Infinity"}


def as_text(array: pa.Array) -> pa.StringArray:
    """Text as a user would write the value: true, 12.50, 2025-07-14T18:22:05Z, compact JSON."""
    family = logical(array.type)
    if family in (Logical.STRING, Logical.UNKNOWN):
        return array.cast(pa.string())
    if family in (Logical.JSON, Logical.TIMETZ) and hasattr(array, "storage"):
        return array.storage
    return _TEXTS.get(family, _cast)(array)


def as_json(array: pa.Array) -> pa.ExtensionArray:
    """JSON values: numbers and flags as such, all else as JSON strings; NaN is null."""
    family = logical(array.type)
    if family is Logical.STRING:
        return json_array(_each(array, _valid_or_quoted))
    text = as_text(array) if family is not Logical.JSON else _nested(array)
    if family in (Logical.FLOAT, Logical.DOUBLE):
        return json_array(_each(text, lambda t: None if t in _NO_JSON else t))
    if family in _BARE:
        return json_array(text)
    return json_array(pc.binary_join_element_wise('"', text, '"', ""))


_BARE: Final = {
    Logical.BOOLEAN,
    Logical.BYTE,
    Logical.SHORT,
    Logical.INT,
    Logical.LONG,
    Logical.DECIMAL,
    Logical.JSON,
    Logical.ARRAY,
}


def _cast(array: pa.Array) -> pa.StringArray:
    return array.cast(pa.string())


def _each(array: pa.Array, text_of: Callable[[Any], str | None]) -> pa.StringArray:
    values = (None if value is None else text_of(value) for value in array.to_pylist())
    return pa.array(values, pa.string())


def _decimal(array: pa.Array) -> pa.StringArray:
    if array.type.scale <= _PLAIN_SCALE:
        return _cast(array)
    return _each(array, lambda number: format(number, "f"))


def _float(array: pa.Array) -> pa.StringArray:
    text = _cast(array)
    if pc.all(pc.is_finite(array), min_count=0).as_py():
        return text
    words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return _each(text, lambda value: words.get(value, value))


def _moment(array: pa.Array) -> pa.StringArray:
    zone = "Z" if array.type.tz else ""
    text = pc.replace_substring(_cast(array.cast(TIMESTAMP)), " ", "T")
    return pc.binary_join_element_wise(_without_zeros(text), zone, "")


def _clock(array: pa.Array) -> pa.StringArray:
    return _without_zeros(_cast(array))


def _without_zeros(text: pa.StringArray) -> pa.StringArray:
    """No fraction when it is zero, and no zeros at its end."""
    return pc.replace_substring_regex(text, r"(\.[0-9]*[1-9])0+$|\.0+$", r"\1")


def _bytes(array: pa.Array) -> pa.StringArray:
    return _each(array, lambda value: base64.b64encode(value).decode())


def _nested(array: pa.Array) -> pa.StringArray:
    """JSON text is taken as it is; structs and lists are written out."""
    if isinstance(array.type, pa.JsonType):
        return array.storage
    return _each(array, _written)


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _valid_or_quoted(text: str) -> str:
    try:
        json.loads(text, parse_constant=_refuse, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return json.dumps(text, ensure_ascii=False)
    return text


def _refuse(word: str) -> None:
    raise ValueError(word)


_TEXTS: Final[dict[Logical, Callable[[pa.Array], pa.StringArray]]] = {
    Logical.DECIMAL: _decimal,
    Logical.FLOAT: _float,
    Logical.DOUBLE: _float,
    Logical.TIMESTAMP: _moment,
    Logical.TIMESTAMPTZ: _moment,
    Logical.TIME: _clock,
    Logical.BYTES: _bytes,
    Logical.JSON: _nested,
    Logical.ARRAY: _nested,
    Logical.UUID: lambda array: _each(array, str),
}
