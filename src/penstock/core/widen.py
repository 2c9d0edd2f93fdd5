"""Promotion of column types: the smallest type that holds every value of both."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Final

import pyarrow as pa

from penstock.core.types import TIMESTAMP, TIMESTAMPTZ, Logical, decimal_type, logical, normal

_DIGITS: Final = {Logical.BYTE: 3, Logical.SHORT: 5, Logical.INT: 10, Logical.LONG: 19}
"""Whole digits of the integer types, narrow to wide."""
_INTEGERS: Final = tuple(_DIGITS)
_FLOATS: Final = (Logical.FLOAT, Logical.DOUBLE)
_MOMENTS: Final = {
    Logical.DATE: pa.date32(),
    Logical.TIMESTAMP: TIMESTAMP,
    Logical.TIMESTAMPTZ: TIMESTAMPTZ,
}


def widen(old: pa.Field | pa.DataType, new: pa.Field | pa.DataType) -> pa.DataType:
    """Smallest type of the promotion chains that holds every value of both.

    It does not matter which of the two is the old one, nor in which order several types
    are joined. Decimals take the larger whole part and the larger scale (38 digits, then
    76, then text). A LONG with a DOUBLE is a DOUBLE; whoever sees the values may choose
    a decimal instead, see `infer` and
    `engine.numbers`. What has no chain in common becomes text.
    """
    left, right = normal(old), normal(new)
    if left == right or right == pa.null():
        return left
    if left == pa.null():
        return right
    return _join(left, right) or pa.string()


def common(types: Iterable[pa.Field | pa.DataType]) -> pa.DataType:
    """`widen` over many types; null (UNKNOWN) for none."""
    return reduce(widen, types, pa.null())


def _join(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    kinds = {logical(left), logical(right)}
    if kinds <= {*_INTEGERS}:
        return max(left, right, key=lambda kind: kind.bit_width)
    if kinds <= {*_INTEGERS, Logical.DECIMAL}:
        return _decimals(left, right)
    if kinds <= {*_INTEGERS, *_FLOATS}:
        return pa.float64()
    if kinds <= _MOMENTS.keys():
        return _MOMENTS[max(kinds, key=list(_MOMENTS).index)]
    if kinds == {Logical.ARRAY}:
        return pa.list_(widen(left.value_type, right.value_type))
    return None


def _decimals(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    shapes = [_shape(left), _shape(right)]
    return decimal_type(max(whole for whole, _ in shapes), max(scale for _, scale in shapes))


def _shape(kind: pa.DataType) -> tuple[int, int]:
    """Digits before and after the point."""
    if pa.types.is_decimal(kind):
        return kind.precision - kind.scale, kind.scale
    return _DIGITS[logical(kind)], 0
