"""Sums, products and the like of two parts of columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.types import TIMESTAMPTZ
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Kind, Part
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.numbers import DIGITS, exact

_MOMENTS: Final = (Kind.DATE, Kind.TIMESTAMP)
QUOTIENT_SCALE: Final = 12
"""A quotient of decimals has at least so many places."""
_SAFE_DIGITS: Final = 37
"""Two decimals of so many digits have a product that decimal256 holds."""


@dataclass(frozen=True)
class Result:
    """Parts of the result; `bad` marks rows that could not be computed, for the cause."""

    parts: Sequence[Part]
    bad: Mask | None = None
    cause: str = ""


def combine(op: str, left: Part, right: Part) -> Result:
    """`left op right` in rows where both have a value."""
    if op == "+" and Kind.STRING in (left.kind, right.kind):
        joined = pc.binary_join_element_wise(left.texts(), right.texts(), "")
        return Result([Part(Kind.STRING, joined)])
    if op == "-" and left.kind in _MOMENTS and right.kind in _MOMENTS:
        return Result([Part(Kind.NUMBER, _seconds(left.values, right.values))])
    if left.kind is not Kind.NUMBER or right.kind is not Kind.NUMBER:
        both = masks.both(left.values.is_valid(), right.values.is_valid())
        return Result([], both, f"{op} needs numbers.")
    if op in "/%":
        return _divided(op, left.values, right.values)
    return Result(_computed(op, left.values, right.values))


def _seconds(left: pa.Array, right: pa.Array) -> pa.Array:
    apart = pc.subtract(left.cast(TIMESTAMPTZ), right.cast(TIMESTAMPTZ)).cast(pa.int64())
    return pc.divide(apart.cast(pa.float64(), safe=False), 1_000_000.0)


_CHECKED: Final[dict[str, Callable[[pa.Array, pa.Array], pa.Array]]] = {
    "+": pc.add_checked,
    "-": pc.subtract_checked,
    "*": pc.multiply_checked,
}
_EXACT: Final[dict[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}


def _computed(op: str, left: pa.Array, right: pa.Array) -> list[Part]:
    if _float_in(left, right):
        return [Part(Kind.NUMBER, _finite(_CHECKED[op](as_floats(left), as_floats(right))))]
    try:
        if pa.types.is_integer(left.type) and pa.types.is_integer(right.type):
            values = _CHECKED[op](left.cast(pa.int64()), right.cast(pa.int64()))
            return [Part(Kind.NUMBER, values)]
        return [Part(Kind.NUMBER, _CHECKED[op](_short(left), _short(right)))]
    except (pa.ArrowInvalid, ValueError):
        return _one_by_one(_EXACT[op], left, right)


def _short(values: pa.Array) -> pa.Array:
    """Decimals of few enough digits; raises when they have more."""
    scale = values.type.scale if pa.types.is_decimal(values.type) else 0
    if pa.types.is_integer(values.type):
        values = values.cast(pa.decimal128(19, 0))
    return values.cast(pa.decimal256(_SAFE_DIGITS, scale))


def _one_by_one(
    compute: Callable[[Decimal, Decimal], Decimal], left: pa.Array, right: pa.Array
) -> list[Part]:
    """Results that pass 64 bits or the digits of Arrow's decimals; slow, and rare."""
    with localcontext(prec=2 * DIGITS):
        numbers = [
            None if a is None or b is None else compute(Decimal(a), Decimal(b))
            for a, b in zip(left.to_pylist(), right.to_pylist(), strict=True)
        ]
        return exact(numbers)


def _divided(op: str, left: pa.Array, right: pa.Array) -> Result:
    zero = masks.both(
        masks.certain(pc.equal(right, pa.scalar(0).cast(right.type))), left.is_valid()
    )
    safe = masks.kept(right, masks.outside(zero)) if not masks.is_none(zero) else right
    parts = _quotient(left, safe) if op == "/" else _remainder(left, safe)
    return Result(parts, zero, "The divisor is zero.")


def _quotient(left: pa.Array, right: pa.Array) -> list[Part]:
    if _float_in(left, right) or not _decimal_in(left, right):
        return [Part(Kind.NUMBER, _finite(pc.divide(as_floats(left), as_floats(right))))]
    scales = [a.type.scale for a in (left, right) if pa.types.is_decimal(a.type)]
    places = Decimal(1).scaleb(-max(QUOTIENT_SCALE, *scales))
    return _one_by_one(lambda a, b: (a / b).quantize(places, ROUND_HALF_UP), left, right)


def _remainder(left: pa.Array, right: pa.Array) -> list[Part]:
    """With the sign of the dividend, as SQL has it."""
    if _float_in(left, right):
        pairs = zip(as_floats(left).to_pylist(), as_floats(right).to_pylist(), strict=True)
        values = [None if a is None or b is None else math.fmod(a, b) for a, b in pairs]
        return [Part(Kind.NUMBER, pa.array(values, pa.float64()))]
    if _decimal_in(left, right):
        return _one_by_one(lambda a, b: a % b, left, right)
    a, b = left.cast(pa.int64()), right.cast(pa.int64())
    return [Part(Kind.NUMBER, pc.subtract(a, pc.multiply(b, pc.divide(a, b))))]


def as_floats(values: pa.Array) -> pa.Array:
    """Any numbers as the nearest floats."""
    if pa.types.is_decimal(values.type):
        return values.cast(pa.string()).cast(pa.float64())
    return values.cast(pa.float64(), safe=False)


def _finite(values: pa.Array) -> pa.Array:
    """NaN and infinity are null, as everywhere."""
    finite = pc.is_finite(values)
    if finite.false_count == 0:
        return values
    return pc.if_else(finite, values, pa.scalar(None, values.type))


def _float_in(left: pa.Array, right: pa.Array) -> bool:
    return bool(pa.types.is_floating(left.type) or pa.types.is_floating(right.type))


def _decimal_in(left: pa.Array, right: pa.Array) -> bool:
    return bool(pa.types.is_decimal(left.type) or pa.types.is_decimal(right.type))
