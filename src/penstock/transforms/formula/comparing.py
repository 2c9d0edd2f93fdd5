"""`==`, `<` and the like of two parts of columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.convert import convert
from penstock.core.types import TIMESTAMPTZ
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Kind, Part
from penstock.transforms.columns.numbers import DIGITS
from penstock.transforms.formula.arithmetic import Result, as_floats

_COMPARE: Final[dict[str, Callable[[pa.Array, pa.Array], pa.Array]]] = {
    "==": pc.equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_MOMENTS: Final = (Kind.DATE, Kind.TIMESTAMP)
_ORDERED: Final = (Kind.NUMBER, Kind.STRING, Kind.TIME)


def compare(op: str, left: Part, right: Part) -> Result:
    """`left op right` in rows where both have a value; only `==` takes values of two kinds."""
    kinds = {left.kind, right.kind}
    if kinds <= {*_MOMENTS, Kind.STRING} and kinds & {*_MOMENTS}:
        return _moments(op, left, right)
    both = masks.both(left.values.is_valid(), right.values.is_valid())
    if left.kind is not right.kind or (op != "==" and left.kind not in _ORDERED):
        if op == "==":
            return Result([Part(Kind.BOOLEAN, masks.kept(masks.none(len(both)), both))])
        return Result([], both, f"{op} cannot compare these kinds of values.")
    if left.kind is Kind.NUMBER:
        return _flags(_COMPARE[op](*_alike(left.values, right.values)))
    if left.kind in (Kind.ARRAY, Kind.OBJECT):
        return _flags(pc.equal(left.texts(), right.texts()))
    return _flags(_COMPARE[op](left.values, right.values))


def _flags(values: pa.Array) -> Result:
    return Result([Part(Kind.BOOLEAN, values)])


def _alike(left: pa.Array, right: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Numbers under one type: floats with anything as floats, decimals at the larger scale."""
    types = (left.type, right.type)
    if any(pa.types.is_floating(t) for t in types):
        return as_floats(left), as_floats(right)
    if not any(pa.types.is_decimal(t) for t in types):
        return left.cast(pa.int64()), right.cast(pa.int64())
    scale = max(t.scale if pa.types.is_decimal(t) else 0 for t in types)
    target = pa.decimal256(DIGITS, scale)
    return _decimals(left).cast(target), _decimals(right).cast(target)


def _decimals(values: pa.Array) -> pa.Array:
    return values if pa.types.is_decimal(values.type) else values.cast(pa.decimal128(19, 0))


def _moments(op: str, left: Part, right: Part) -> Result:
    bad = masks.none(len(left.values))
    sides = []
    for part in (left, right):
        made = convert(part.values, part.values.type, TIMESTAMPTZ)
        bad = bad if made.bad is None else masks.either(bad, made.bad)
        sides.append(made.array)
    bad = masks.both(bad, masks.both(left.values.is_valid(), right.values.is_valid()))
    return Result(_flags(_COMPARE[op](*sides)).parts, bad, "A text is no date or timestamp.")
