"""A formula read and checked, ready to be computed."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from penstock.transforms.columns.column import Column
from penstock.transforms.columns.frame import Frame
from penstock.transforms.columns.masks import Mask
from penstock.transforms.formula.evaluate import Evaluation
from penstock.transforms.formula.functions import SPLIT_FIELDS, check
from penstock.transforms.formula.means import Means
from penstock.transforms.formula.parser import parse
from penstock.transforms.formula.tree import (
    Call,
    Constant,
    FormulaError,
    Node,
    Null,
    Own,
    nodes,
    references,
)


@dataclass(frozen=True)
class Formula:
    """One formula."""

    tree: Node

    @classmethod
    def read(cls, text: str, *, own: bool = True) -> Formula:
        """The formula of a text.

        Args:
            own: whether there is a current field, for `$self`.

        Raises:
            FormulaError: it cannot be computed; the error says where.
        """
        tree = parse(text)
        for node in nodes(tree):
            if isinstance(node, Call):
                check(node, whole=node is tree and own)
                if not own and node.name == "SPLIT_ARRAY" and len(node.args) == 1:
                    raise FormulaError("There is no current field here.", node.at)
            if isinstance(node, Own) and not own:
                raise FormulaError("There is no current field here, so no $self.", node.at)
        return cls(tree)

    @property
    def splits_fields(self) -> bool:
        """Whether it is SPLIT_FIELDS, which makes fields."""
        return isinstance(self.tree, Call) and self.tree.name == SPLIT_FIELDS

    @property
    def fields(self) -> list[str]:
        """The fields it reads."""
        return [reference.text for reference in references(self.tree)]

    def value(
        self, frame: Frame, where: Mask, own: Column | None, means: Means
    ) -> tuple[Column, list[tuple[Mask, str]]]:
        """Its values in these rows, null where there is none; and rows that it fails for."""
        work = Evaluation(frame, own, means)
        return work.value(self.tree, where), work.faults


def is_formula(text: str, known: Container[str]) -> bool:
    """Whether text means a formula where the user did not say.

    Quoted text, numbers, true and false, and what has a keyword do; so does all else that
    reads as a formula of known fields.
    """
    try:
        tree = parse(text)
    except FormulaError:
        return "$self" in text or "$null" in text
    if isinstance(tree, Constant) or any(isinstance(n, Own | Null) for n in nodes(tree)):
        return True
    return all(r.text in known or r.path[0] in known for r in references(tree))
