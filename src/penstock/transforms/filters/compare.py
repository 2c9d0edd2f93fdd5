"""Numbers, times and text against an operand, over whole columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal
from math import floor
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.types import TIMESTAMP, TIMESTAMPTZ
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Kind, Part
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.numbers import from_text
from penstock.transforms.filters.operand import Operand
from penstock.transforms.filters.operators import Operator

_COMPARE: Final[dict[Operator, Callable[[pa.Array, pa.Scalar], pa.Array]]] = {
    Operator.EQ: pc.equal,
    Operator.GT: pc.greater,
    Operator.GTE: pc.greater_equal,
    Operator.LT: pc.less,
    Operator.LTE: pc.less_equal,
}
_INT64: Final = range(-(2**63), 2**63)


def compared(part: Part, op: Operator, operand: Operand, ignore_case: bool) -> pa.Array | None:
    """`part op operand` for EQ, GT, GTE, LT and LTE.

    Null where text does not read as the number it is held against; None when values of this
    kind cannot be held against the operand at all.
    """
    if part.kind is Kind.NUMBER:
        return None if operand.number is None else numbers(part.values, op, operand.number)
    if part.kind is Kind.STRING:
        return _strings(part.values, op, operand, ignore_case)
    if part.kind is Kind.BOOLEAN:
        same = operand.flag is not None and op is Operator.EQ
        return pc.equal(part.values, operand.flag) if same else None
    if part.kind in (Kind.DATE, Kind.TIMESTAMP):
        return None if operand.moment is None else _moments(part.values, op, operand.moment)
    if part.kind is Kind.TIME:
        return None if operand.clock is None else _clocks(part.values, op, operand.clock)
    if part.kind is Kind.BYTES or op is not Operator.EQ:
        return None
    return pc.equal(part.texts(), operand.text)


def _strings(values: pa.Array, op: Operator, operand: Operand, ignore_case: bool) -> pa.Array:
    if operand.number is not None:
        parsed = from_text(values)
        results = [numbers(part.values, op, operand.number) for part in parsed.parts]
        return pc.coalesce(*results) if results else pa.nulls(len(values), pa.bool_())
    text = operand.text
    if ignore_case:
        values, text = pc.utf8_lower(values), lowered(text)
    return _COMPARE[op](values, pa.scalar(text))


def lowered(text: str) -> str:
    """Lower case as columns get it."""
    return str(pc.utf8_lower(pa.scalar(text)).as_py())


def _moments(values: pa.Array, op: Operator, moment: datetime) -> pa.Array:
    zoned = pa.types.is_timestamp(values.type) and values.type.tz is not None
    target = TIMESTAMPTZ if zoned else TIMESTAMP
    at = pa.scalar(moment, TIMESTAMPTZ).cast(target)
    return _COMPARE[op](values.cast(target), at)


def _clocks(values: pa.Array, op: Operator, clock: time) -> pa.Array:
    return _COMPARE[op](values, pa.scalar(clock, values.type))


def numbers(values: pa.Array, op: Operator, number: Decimal) -> pa.Array:
    """A numeric column against an exact number; floats count by their shortest text."""
    if pa.types.is_floating(values.type):
        return _floats(values, op, number)
    if pa.types.is_decimal(values.type):
        return _decimals(values, op, number)
    return _whole(values, op, number)


def _whole(values: pa.Array, op: Operator, number: Decimal) -> pa.Array:
    if op is Operator.EQ and number != floor(number):
        return _always(values, False)
    # Between two whole numbers: v > 2.5 is v > 2, v >= 2.5 is v > 2, v < 2.5 is v <= 2.
    below = floor(number)
    if number != below:
        op = Operator.GT if op in (Operator.GT, Operator.GTE) else Operator.LTE
    if below not in _INT64:
        return _always(
            values, (below < 0) == (op in (Operator.GT, Operator.GTE)) and op is not Operator.EQ
        )
    return _COMPARE[op](values.cast(pa.int64()), pa.scalar(below, pa.int64()))


def _decimals(values: pa.Array, op: Operator, number: Decimal) -> pa.Array:
    scale = values.type.scale
    scaled = number.scaleb(scale)
    if scaled == floor(scaled) and scaled.adjusted() < 76:
        fits = pa.scalar(number, pa.decimal256(76, scale))
        return _COMPARE[op](values.cast(pa.decimal256(76, scale)), fits)
    if scaled.adjusted() >= 76:
        return _always(
            values, (number < 0) == (op in (Operator.GT, Operator.GTE)) and op is not Operator.EQ
        )
    if op is Operator.EQ:
        return _always(values, False)
    op = Operator.GT if op in (Operator.GT, Operator.GTE) else Operator.LTE
    below = pa.scalar(Decimal(floor(scaled)).scaleb(-scale), pa.decimal256(76, scale))
    return _COMPARE[op](values.cast(below.type), below)


def _floats(values: pa.Array, op: Operator, number: Decimal) -> pa.Array:
    nearest = float(number)
    shortest = Decimal(repr(nearest))
    if shortest != number and op is Operator.EQ:
        return _always(values, False)
    if shortest > number:
        op = Operator.GTE if op in (Operator.GT, Operator.GTE) else Operator.LT
    elif shortest < number:
        op = Operator.GT if op in (Operator.GT, Operator.GTE) else Operator.LTE
    return _COMPARE[op](values, pa.scalar(nearest, values.type))


def _always(values: pa.Array, answer: bool) -> Mask:
    return pc.if_else(values.is_valid(), answer, False)


def mask_of(found: pa.Array | None, rows: int) -> Mask:
    """Where a comparison holds; nowhere when it could not be made."""
    return masks.none(rows) if found is None else masks.certain(found)
