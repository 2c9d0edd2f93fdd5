"""What a formula says, as a tree; each node knows where it stands in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal


class FormulaError(ValueError):
    """A formula that cannot be used.

    Args:
        message: what is wrong, one sentence.
        at: place in the text, counted from 0.
    """

    def __init__(self, message: str, at: int) -> None:
        super().__init__(f"{message} (at character {at + 1})")
        self.message = message
        self.at = at


@dataclass(frozen=True)
class Constant:
    value: str | int | Decimal | bool
    at: int


@dataclass(frozen=True)
class Reference:
    """A field by its name, or a dotted place; `quoted` when it stood in backticks."""

    path: tuple[str, ...]
    at: int

    @property
    def text(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True)
class Own:
    """`$self`."""

    at: int


@dataclass(frozen=True)
class Null:
    """`$null`."""

    at: int


@dataclass(frozen=True)
class Unary:
    op: str
    of: Node
    at: int


@dataclass(frozen=True)
class Binary:
    op: str
    left: Node
    right: Node
    at: int


@dataclass(frozen=True)
class Call:
    name: str
    args: tuple[Node, ...]
    at: int


Node = Constant | Reference | Own | Null | Unary | Binary | Call


def nodes(tree: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield tree
    below: tuple[Node, ...] = ()
    if isinstance(tree, Unary):
        below = (tree.of,)
    elif isinstance(tree, Binary):
        below = (tree.left, tree.right)
    elif isinstance(tree, Call):
        below = tree.args
    for node in below:
        yield from nodes(node)


def references(tree: Node) -> list[Reference]:
    """Every field it names."""
    return [node for node in nodes(tree) if isinstance(node, Reference)]
