"""Whole numbers and fractions in one column: exact decimals where the values allow it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.types import MAX_DIGITS, Logical, decimal_type, logical
from penstock.core.widen import widen

_FLOATS: Final = (Logical.FLOAT, Logical.DOUBLE)
_NUMBERS: Final = (
    Logical.BYTE, Logical.SHORT, Logical.INT, Logical.LONG, Logical.DECIMAL, *_FLOATS
)  # fmt: skip
_MOST_DIGITS: Final = 38
"""What destinations have as a number; longer decimals are text in some."""


def counted_as(known: pa.DataType, array: pa.Array) -> pa.DataType:
    """The type that a column's values count as, beside the type that its table has.

    Fractions that come to a LONG or DECIMAL count as a decimal with all the digits that they
    print with, if whole numbers of the column and they fit in 38 digits (pipelines.md 12.9:
    LONG + DOUBLE is DECIMAL if exact).
    """
    if logical(known) not in (Logical.LONG, Logical.DECIMAL) or logical(array.type) not in _FLOATS:
        return array.type
    values = array.unique().drop_null().to_pylist()
    if not values:
        return known
    shapes = [_shape(value) for value in values]
    exact = [shape for shape in shapes if shape is not None]
    wholes, scales = zip(*exact, strict=True) if exact else ((), ())
    kind = decimal_type(max(wholes), max(scales)) if len(exact) == len(shapes) else None
    if kind is None:
        return array.type
    both = widen(known, kind)
    fits = pa.types.is_decimal(both) and both.precision <= _MOST_DIGITS
    return kind if fits else array.type


def is_rounded(known: pa.DataType, array: pa.Array) -> bool:
    """Whether whole numbers lose digits where these values and their column are DOUBLE."""
    kinds = logical(known), logical(array.type)
    if kinds[0] is Logical.LONG and kinds[1] in _FLOATS:
        # The numbers that the table holds already may be large.
        return bool(array.null_count < len(array))
    if kinds[0] not in _FLOATS or kinds[1] is not Logical.LONG:
        return False
    doubles = pc.cast(array, pa.float64(), safe=False)
    whole = pc.cast(doubles, pa.decimal128(_MOST_DIGITS, 0))
    same = pc.equal(whole, pc.cast(array, pa.decimal128(_MOST_DIGITS, 0)))
    return not pc.all(same, min_count=0).as_py()


def misfit_code(source: pa.DataType, target: pa.DataType) -> str:
    """The code of pipelines.md 14.1 for a value that does not fit its column."""
    number = logical(source) in _NUMBERS and pa.types.is_decimal(target)
    return "NUMERIC_OUT_OF_RANGE" if number else "INCOMPATIBLE_TYPE"


def beyond_scale(array: pa.Array, target: pa.DataType) -> pa.BooleanArray | None:
    """Decimals with more digits after the point than their column; None where it has enough."""
    decimals = pa.types.is_decimal(array.type) and pa.types.is_decimal(target)
    if not decimals or array.type.scale <= target.scale:
        return None
    wide = array.cast(pa.decimal256(MAX_DIGITS, array.type.scale))
    return pc.fill_null(pc.not_equal(wide, pc.round(wide, target.scale)), False)


def _shape(value: float) -> tuple[int, int] | None:
    """Digits before and after the point; None for what is no number."""
    _, digits, exponent = Decimal(repr(value)).as_tuple()
    if not isinstance(exponent, int):
        return None
    trailing = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    scale = max(-(exponent + trailing), 0)
    return max(len(digits) + exponent, 0), scale
