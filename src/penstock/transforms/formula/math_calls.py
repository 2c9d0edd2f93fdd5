"""Functions on numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.numbers import Mode, rounded
from penstock.transforms.formula.arguments import constant_number, of_kind
from penstock.transforms.formula.arithmetic import Result, combine
from penstock.transforms.formula.comparing import compare
from penstock.transforms.formula.tree import Node

if TYPE_CHECKING:
    from penstock.transforms.formula.evaluate import Evaluation

Args = tuple[Node, ...]


def round_value(work: Evaluation, args: Args, where: Mask) -> Column:
    """Half up at so many places; floats by their shortest text."""
    places = constant_number(args[1]) if len(args) == 2 else 0

    def change(values: pa.Array) -> pa.Array:
        return rounded(values, places)

    return of_kind(work, args[0], where, "ROUND", Kind.NUMBER, change)


def absolute(work: Evaluation, args: Args, where: Mask) -> Column:
    """Without sign."""
    return of_kind(work, args[0], where, "ABS", Kind.NUMBER, _abs)


def _abs(values: pa.Array) -> pa.Array:
    return pc.abs(values.cast(pa.int64()) if pa.types.is_integer(values.type) else values)


def floor(work: Evaluation, args: Args, where: Mask) -> Column:
    """The next whole number below."""
    return of_kind(work, args[0], where, "FLOOR", Kind.NUMBER, _to_whole("FLOOR"))


def ceil(work: Evaluation, args: Args, where: Mask) -> Column:
    """The next whole number above."""
    return of_kind(work, args[0], where, "CEIL", Kind.NUMBER, _to_whole("CEILING"))


def _to_whole(mode: Mode) -> Callable[[pa.Array], pa.Array]:
    """Integers where the results fit, else of the type they had."""

    def change(values: pa.Array) -> pa.Array:
        if pa.types.is_integer(values.type):
            return values
        whole = pc.floor(values) if mode == "FLOOR" else pc.ceil(values)
        try:
            return whole.cast(pa.int64())
        except pa.ArrowInvalid:
            return whole

    return change


def mod(work: Evaluation, args: Args, where: Mask) -> Column:
    """What remains, with the sign of the dividend."""
    left, right = work.value(args[0], where), work.value(args[1], where)
    return work.pairs(left, right, where, lambda a, b: combine("%", a, b))


def least(work: Evaluation, args: Args, where: Mask) -> Column:
    """The smallest; null when one is null."""
    return _extreme(work, args, where, "MIN", "<=")


def greatest(work: Evaluation, args: Args, where: Mask) -> Column:
    """The largest; null when one is null."""
    return _extreme(work, args, where, "MAX", ">=")


def _extreme(work: Evaluation, args: Args, where: Mask, name: str, op: str) -> Column:
    best = of_kind(work, args[0], where, name, Kind.NUMBER, lambda values: values)
    for arg in args[1:]:
        other = of_kind(work, arg, where, name, Kind.NUMBER, lambda values: values)
        stays = work.flags(work.pairs(best, other, where, _comparing(op)), where, name)
        both = masks.both(best.valid, other.valid)
        stays_here = masks.both(masks.certain(stays), both)
        best = best.only(both).merged(masks.minus(both, stays_here), other)
    return best


def _comparing(op: str) -> Callable[[Part, Part], Result]:
    return lambda left, right: compare(op, left, right)
