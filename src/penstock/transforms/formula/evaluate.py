"""A formula computed over the columns of a frame."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part, joined
from penstock.transforms.columns.frame import Frame
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.reading import constant
from penstock.transforms.formula.arithmetic import Result, combine
from penstock.transforms.formula.comparing import compare
from penstock.transforms.formula.functions import FUNCTIONS
from penstock.transforms.formula.means import Means
from penstock.transforms.formula.tree import (
    Binary,
    Call,
    Constant,
    Node,
    Null,
    Own,
    Reference,
    Unary,
)

_COMPARISONS: Final = ("==", "!=", "<", "<=", ">", ">=")


class Evaluation:
    """One formula at work on one frame.

    `faults` fills while it works: rows that cannot be computed, and why. Only rows asked for
    can be at fault, so the branch of an IF that a row does not take may be nonsense for it.
    """

    def __init__(self, frame: Frame, own: Column | None, means: Means) -> None:
        self.frame = frame
        self.means = means
        self.faults: list[tuple[Mask, str]] = []
        self._own = own

    @property
    def rows(self) -> int:
        return self.frame.rows

    def fail(self, where: Mask, cause: str) -> None:
        """These rows cannot be computed."""
        if not masks.is_none(where):
            self.faults.append((where, cause))

    def value(self, node: Node, where: Mask) -> Column:
        """The values of a node in the rows asked for; rows without value are null."""
        if isinstance(node, Constant):
            return constant(
                float(node.value) if isinstance(node.value, Decimal) else node.value, self.rows
            )
        if isinstance(node, Null):
            return Column(self.rows)
        if isinstance(node, Own):
            return self._own if self._own is not None else Column(self.rows)
        if isinstance(node, Reference):
            return self._field(node)
        if isinstance(node, Call):
            return FUNCTIONS[node.name].run(self, node.args, where)
        if isinstance(node, Unary):
            return self._unary(node, where)
        return self._binary(node, where)

    def _field(self, node: Reference) -> Column:
        path = self.frame.path(node.text) if len(node.path) > 1 else node.path
        return self.frame.get(path)

    def _unary(self, node: Unary, where: Mask) -> Column:
        value = self.value(node.of, where)
        if node.op == "-":
            return self.pairs(constant(0, self.rows), value, where, _combining("-"))
        return self._flipped(self.flags(value, where, "!"))

    def _flipped(self, flags: pa.Array) -> Column:
        return Column.of(Kind.BOOLEAN, pc.invert(flags))

    def _binary(self, node: Binary, where: Mask) -> Column:
        if node.op in ("&&", "||"):
            return self._logical(node, where)
        left, right = self.value(node.left, where), self.value(node.right, where)
        if node.op in _COMPARISONS:
            return self._compared(node.op, left, right, where)
        left, right = _exactly(node.left, left, right), _exactly(node.right, right, left)
        return self.pairs(left, right, where, _combining(node.op))

    def _logical(self, node: Binary, where: Mask) -> Column:
        """The right side is asked only where the left one leaves it open."""
        left = self.flags(self.value(node.left, where), where, node.op)
        settled = masks.certain(pc.invert(left) if node.op == "&&" else left)
        open_rows = masks.minus(where, settled)
        right = self.flags(self.value(node.right, open_rows), open_rows, node.op)
        both = (pc.and_kleene if node.op == "&&" else pc.or_kleene)(left, right)
        return Column.of(Kind.BOOLEAN, both)

    def _compared(self, op: str, left: Column, right: Column, where: Mask) -> Column:
        """`==` and `!=` know null; of the others null makes null."""
        if op not in ("==", "!="):
            return self.pairs(left, right, where, lambda a, b: compare(op, a, b))
        equal = self.pairs(left, right, where, lambda a, b: compare("==", a, b))
        flags = equal.parts[0].values if equal.parts else masks.none(self.rows)
        neither = masks.outside(masks.either(left.valid, right.valid))
        same = masks.either(masks.certain(flags), neither)
        return Column.of(Kind.BOOLEAN, same if op == "==" else masks.outside(same))

    def pairs(
        self, left: Column, right: Column, where: Mask, combine: Callable[[Part, Part], Result]
    ) -> Column:
        """Each part of the left with each of the right: in a row at most one pair has values."""
        parts: list[Part] = []
        for a in left.parts:
            for b in right.parts:
                result = combine(a, b)
                parts += result.parts
                if result.bad is not None:
                    self.fail(masks.both(result.bad, where), result.cause)
        return joined(self.rows, parts)

    def flags(self, value: Column, where: Mask, asker: str) -> pa.Array:
        """The column as true, false or null; other values are a fault."""
        flags = pa.nulls(self.rows, pa.bool_())
        for part in value.parts:
            if part.kind is Kind.BOOLEAN:
                flags = part.values
            else:
                wrong = masks.both(part.values.is_valid(), where)
                self.fail(wrong, f"{asker} needs true or false.")
        return flags


def _combining(op: str) -> Callable[[Part, Part], Result]:
    return lambda left, right: combine(op, left, right)


def _exactly(node: Node, value: Column, other: Column) -> Column:
    """A typed fraction beside a decimal is a decimal, so that money stays exact."""
    if not (isinstance(node, Constant) and isinstance(node.value, Decimal)):
        return value
    if not any(pa.types.is_decimal(part.values.type) for part in other.parts):
        return value
    return Column.of(Kind.NUMBER, pa.repeat(pa.scalar(node.value), value.rows))
