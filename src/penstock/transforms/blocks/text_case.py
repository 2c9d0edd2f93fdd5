"""Modify Text Casing, of values or of the names of fields."""

from __future__ import annotations

from typing import ClassVar, Literal

import pyarrow as pa

from penstock.transforms.blocks.block import (
    Applied,
    Change,
    Chosen,
    Effect,
    Group,
    ValueBlock,
    of_texts,
)
from penstock.transforms.blocks.renaming import OnConflict, renamed, renamed_schema
from penstock.transforms.columns.casing import Casing, cased
from penstock.transforms.columns.column import Kind, Part
from penstock.transforms.columns.frame import Frame


class TextCase(ValueBlock):
    """Write text in another case."""

    type: ClassVar = "TEXT_CASE"
    title: ClassVar = "Modify Text Casing"
    group: ClassVar = Group.STRING
    effect: ClassVar = Effect.SAME_COLUMN
    handles: ClassVar = frozenset({Kind.STRING})

    casing: Casing
    """The case."""
    target: Literal["VALUE", "FIELD_NAME"] = "VALUE"
    """Whether values or names of fields are changed."""
    on_conflict: OnConflict = "ERROR"
    """What to do where the new name is taken."""

    def shape(self, incoming: pa.Schema, selected: frozenset[str]) -> pa.Schema:
        if self.target == "VALUE":
            return super().shape(incoming, selected)
        return renamed_schema(incoming, selected, self.new_name)

    def change(self, part: Part) -> Change:
        return of_texts(cased(part.values, self.casing))

    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        if self.target == "VALUE":
            return super().apply(frame, chosen)
        return renamed(frame, chosen, self.new_name, self.on_conflict)

    def new_name(self, name: str) -> str:
        """The name in this case."""
        return str(cased(pa.array([name]), self.casing)[0].as_py())
