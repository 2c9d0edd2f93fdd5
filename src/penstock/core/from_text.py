"""Text into every other type, as strictly as the mapper promises."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import texts
from penstock.core.to_number import rounded
from penstock.core.types import MAX_DIGITS, TIMESTAMP, TIMESTAMPTZ, UUID, Logical

_INTEGER: Final = r"^[+-]?[0-9]+$"
_DECIMAL: Final = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$"
_FLOAT: Final = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_TIMETZ: Final = (
    r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})$"
)
_YES: Final = ("true", "t", "yes", "y", "1")
_NO: Final = ("false", "f", "no", "n", "0")


def _checked(text: pa.StringArray, pattern: str) -> pa.StringArray:
    """Text without spaces around and without a plus, of the given form."""
    text = pc.utf8_trim_whitespace(text)
    if not texts.matches(text, pattern):
        raise pa.ArrowInvalid("Text has another form.")
    return pc.utf8_ltrim(text, "+")


def _flags(text: pa.StringArray, _: pa.DataType) -> pa.Array:
    word = pc.utf8_lower(pc.utf8_trim_whitespace(text))
    yes = pc.is_in(word, pa.array(_YES))
    known = pc.or_(yes, pc.is_in(word, pa.array(_NO)))
    if not pc.all(pc.or_(known, word.is_null()), min_count=0).as_py():
        raise pa.ArrowInvalid("Text is no flag.")
    return pc.if_else(word.is_valid(), yes, pa.scalar(None, pa.bool_()))


def _integers(text: pa.StringArray, target: pa.DataType) -> pa.Array:
    return _checked(text, _INTEGER).cast(pa.int64()).cast(target)


def _decimals(text: pa.StringArray, target: pa.DataType) -> pa.Array:
    plain = _checked(text, _DECIMAL)
    point = pc.find_substring(plain, ".")
    after = pc.subtract(pc.subtract(pc.utf8_length(plain), point), 1)
    scale = pc.max(pc.if_else(pc.less(point, 0), 0, after)).as_py() or 0
    if scale > MAX_DIGITS:
        raise pa.ArrowInvalid("A number has too many digits.")
    return rounded(plain.cast(pa.decimal256(MAX_DIGITS, scale)), target)


def _floats(text: pa.StringArray, target: pa.DataType) -> pa.Array:
    numbers = _checked(text, _FLOAT).cast(target)
    if not pc.all(pc.is_finite(numbers), min_count=0).as_py():
        raise pa.ArrowInvalid("A number is out of range.")
    return numbers


def _dates(text: pa.StringArray, _: pa.DataType) -> pa.Array:
    return _found(texts.dates(pc.utf8_trim_whitespace(text)))


def _times(text: pa.StringArray, _: pa.DataType) -> pa.Array:
    return _found(texts.times(pc.utf8_trim_whitespace(text)))


def _moments(text: pa.StringArray, target: pa.DataType) -> pa.Array:
    tidy = texts.tidy_times(pc.utf8_trim_whitespace(text))
    if (local := texts.local_times(tidy)) is not None:
        return local.cast(target)
    return _found(texts.mixed_times(tidy)).cast(TIMESTAMPTZ).cast(TIMESTAMP).cast(target)


def _found(typed: pa.Array | None) -> pa.Array:
    if typed is None:
        raise pa.ArrowInvalid("Text is not of this type.")
    return typed


def _time_with_zone(text: pa.StringArray, target: pa.DataType) -> pa.Array:
    return pa.ExtensionArray.from_storage(target, _checked(text, _TIMETZ))


def _bytes(text: pa.StringArray, target: pa.DataType) -> pa.Array:
    try:
        values = [
            None if value is None else base64.b64decode(value, validate=True)
            for value in text.to_pylist()
        ]
    except (binascii.Error, ValueError) as error:
        raise pa.ArrowInvalid("Text is not base64.") from error
    return pa.array(values, target)


def _uuids(text: pa.StringArray, _: pa.DataType) -> pa.Array:
    try:
        values = [None if value is None else uuid.UUID(value).bytes for value in text.to_pylist()]
    except ValueError as error:
        raise pa.ArrowInvalid("Text is no UUID.") from error
    return pa.ExtensionArray.from_storage(UUID, pa.array(values, pa.binary(16)))


CASTERS: Final[dict[Logical, Callable[[pa.Array, pa.DataType], pa.Array]]] = {
    Logical.BOOLEAN: _flags,
    Logical.BYTE: _integers,
    Logical.SHORT: _integers,
    Logical.INT: _integers,
    Logical.LONG: _integers,
    Logical.DECIMAL: _decimals,
    Logical.FLOAT: _floats,
    Logical.DOUBLE: _floats,
    Logical.DATE: _dates,
    Logical.TIME: _times,
    Logical.TIMESTAMP: _moments,
    Logical.TIMESTAMPTZ: _moments,
    Logical.TIMETZ: _time_with_zone,
    Logical.BYTES: _bytes,
    Logical.UUID: _uuids,
}
