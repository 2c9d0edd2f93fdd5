"""Values in a form in which those of both ends can be compared."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import to_text
from penstock.core.convert import convert
from penstock.core.types import Logical, is_json, logical, normal

_NUMBER: Final = "\0"
"""Stands before the digits of a number in JSON, so that no text equals one."""


def comparable_type(kind: pa.DataType) -> pa.DataType:
    """The type of `comparable` columns: plain Arrow types that hash by value."""
    plain = normal(kind)
    family = logical(plain)
    as_text = family in (Logical.JSON, Logical.ARRAY, Logical.UUID, Logical.TIMETZ)
    return pa.string() if as_text or pa.types.is_decimal256(plain) else plain


def comparable(array: pa.Array, given: pa.DataType, stored: pa.DataType) -> pa.Array:
    """A column of one type as a destination column of another holds it, fit to be compared.

    A value that has no place in the stored type is null there, as no row of a job could be.
    """
    column = convert(array, given, normal(stored)).array
    if is_json(normal(stored)):
        return canonical(column.storage if hasattr(column, "storage") else column)
    wanted = comparable_type(stored)
    return to_text.as_text(column) if column.type != wanted else column


def finite(array: pa.Array) -> pa.Array:
    """Null in place of NaN and infinities, for a destination that has none."""
    if not pa.types.is_floating(array.type):
        return array
    return pc.if_else(pc.is_finite(array), array, pa.scalar(None, array.type))


def unsigned_zero(array: pa.Array) -> pa.Array:
    """Both zeros as one, for a destination that may take the sign off."""
    if not pa.types.is_floating(array.type):
        return array
    return pc.add(array, pa.scalar(0.0, array.type))


def canonical(texts: pa.Array) -> pa.Array:
    """JSON texts so that equal values are equal texts: engines keep neither spaces, nor the
    order of members, nor how a number was written."""
    distinct = texts.cast(pa.string()).dictionary_encode()
    values = [_canonical(text) for text in distinct.dictionary.to_pylist()]
    return pc.take(pa.array(values, pa.string()), distinct.indices)


def _canonical(text: str) -> str:
    try:
        value = json.loads(text, parse_float=_number, parse_int=_number)
    except (ValueError, RecursionError):
        return text
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _number(text: str) -> str:
    try:
        value = Decimal(text).normalize()
    except InvalidOperation:
        return _NUMBER + text
    return _NUMBER + (str(value) if value else "0")


def shown(value: Any) -> str | None:
    """A value for people."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return str(value).replace(_NUMBER, "")
