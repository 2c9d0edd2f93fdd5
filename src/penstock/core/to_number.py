"""Flags and numbers into other flags and numbers."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.types import MAX_DIGITS, Logical

TARGETS: Final = {
    Logical.BOOLEAN,
    Logical.BYTE,
    Logical.SHORT,
    Logical.INT,
    Logical.LONG,
    Logical.DECIMAL,
    Logical.FLOAT,
    Logical.DOUBLE,
}


def cast(array: pa.Array, target: pa.DataType) -> pa.Array:
    """The whole column under the target type.

    Raises:
        pa.ArrowInvalid: a value is out of range, or not whole for a whole-number column.
    """
    if pa.types.is_boolean(target):
        return _flags(array)
    if pa.types.is_decimal(target):
        return _decimals(array, target)
    if pa.types.is_floating(target):
        return _floats(array, target)
    return pc.cast(array, target)


def _flags(array: pa.Array) -> pa.Array:
    flags = pc.equal(array, 1)
    if not pc.all(pc.or_(flags, pc.equal(array, 0)), min_count=0).as_py():
        raise pa.ArrowInvalid("Only 0 and 1 are flags.")
    return flags


def _floats(array: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_decimal(array.type):
        # By way of text the result is the nearest float; Arrow's own cast may miss it by one bit.
        return array.cast(pa.string()).cast(target)
    return pc.cast(array, target, safe=False)


def _decimals(array: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_floating(array.type):
        return pa.array([_rounded(value, target) for value in array.to_pylist()], target)
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    if pa.types.is_integer(array.type):
        array = array.cast(pa.decimal256(MAX_DIGITS, 0))
    return rounded(array, target)


def rounded(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Decimals at the target's scale, half to even; raises when the whole part does not fit."""
    if array.type.scale > target.scale:
        wide = array.cast(pa.decimal256(MAX_DIGITS, array.type.scale))
        array = pc.round(wide, target.scale, round_mode="half_to_even")
    return array.cast(target)


def _rounded(value: float | None, target: pa.DataType) -> Decimal | None:
    """The nearest decimal to what the float prints as."""
    if value is None:
        return None
    with localcontext(prec=2 * MAX_DIGITS):
        try:
            number = Decimal(repr(value)).quantize(
                Decimal(1).scaleb(-target.scale), rounding=ROUND_HALF_EVEN
            )
        except InvalidOperation as error:
            raise pa.ArrowInvalid("A number is not finite or has too many digits.") from error
    if number.is_nan() or abs(number) >= Decimal(10) ** (target.precision - target.scale):
        raise pa.ArrowInvalid("A number has too many digits.")
    return number
