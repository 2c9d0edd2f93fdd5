"""Values given to functions: constants read at deploy, columns of one kind at run time."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa

from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part, joined
from penstock.transforms.columns.masks import Mask
from penstock.transforms.formula.tree import Call, Constant, FormulaError, Node

if TYPE_CHECKING:
    from penstock.transforms.formula.evaluate import Evaluation

_NAMES = {Kind.STRING: "text", Kind.NUMBER: "a number"}


def text(call: Call, at: int, default: str | None = None) -> str:
    """The constant text at that place.

    Raises:
        FormulaError: something else stands there.
    """
    if at >= len(call.args) and default is not None:
        return default
    node = call.args[at]
    if isinstance(node, Constant) and isinstance(node.value, str):
        return node.value
    raise FormulaError(f"{call.name} needs a text in quotes here.", node.at)


def number(call: Call, at: int, default: int | None = None) -> int | None:
    """The constant whole number at that place, else the default.

    Raises:
        FormulaError: something else stands there.
    """
    if at >= len(call.args):
        return default
    node = call.args[at]
    if isinstance(node, Constant) and type(node.value) is int:
        return node.value
    raise FormulaError(f"{call.name} needs a whole number here.", node.at)


def constant_text(node: Node) -> str:
    """A constant as text; what `check` has let through."""
    assert isinstance(node, Constant)
    return str(node.value)


def constant_number(node: Node) -> int:
    """A constant as a whole number; what `check` has let through."""
    assert isinstance(node, Constant)
    return int(Decimal(node.value)) if not isinstance(node.value, str) else int(node.value)


def of_kind(
    work: Evaluation,
    node: Node,
    where: Mask,
    name: str,
    kind: Kind,
    change: Callable[[pa.Array], pa.Array],
    result: Kind | None = None,
) -> Column:
    """The values of a node changed; those of another kind are a fault of the row."""
    value = work.value(node, where)
    parts = []
    for part in value.parts:
        if part.kind is kind:
            parts.append(Part(result or kind, change(part.values)))
        else:
            wrong = masks.both(part.values.is_valid(), where)
            work.fail(wrong, f"{name} needs {_NAMES[kind]}.")
    return joined(work.rows, parts)
