"""Add a Field: a value or a formula in a field of its own."""

from __future__ import annotations

from typing import ClassVar, Literal

import pyarrow as pa
from pydantic import Field

from penstock.core.types import JSON
from penstock.transforms.blocks.block import (
    Applied,
    Block,
    Chosen,
    Effect,
    Group,
    replaced,
    with_field,
)
from penstock.transforms.blocks.valued import Valued
from penstock.transforms.columns import masks
from penstock.transforms.columns.frame import Frame
from penstock.transforms.filters.filters import Selected
from penstock.transforms.formula.means import NO_MEANS


class AddField(Block, Valued):
    """Add a field; an existing one is kept unless told otherwise, null counts as absent."""

    type: ClassVar = "ADD_FIELD"
    title: ClassVar = "Add a Field"
    group: ClassVar = Group.EVENT
    effect: ClassVar = Effect.NEW_COLUMN
    on_fields: ClassVar = False
    has_own: ClassVar = False

    field_name: str = Field(min_length=1)
    """Name of the new field; a dotted path makes objects."""
    if_exists: Literal["KEEP", "OVERWRITE"] = "KEEP"
    """What to do where the field has a value already."""

    def shape(self, incoming: pa.Schema, _selected: frozenset[str]) -> pa.Schema:
        name, dot, _ = self.field_name.partition(".")
        if dot and self.field_name not in incoming.names:
            return with_field(incoming, name, JSON)
        kind = self.type_in(incoming, None, NO_MEANS)
        return with_field(incoming, self.field_name, kind)

    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        path = frame.path(self.field_name)
        where = chosen.events
        if self.if_exists == "KEEP":
            where = masks.minus(where, frame.get(path).valid)
        values, faults = self.values(frame, where, None, chosen.means)
        selected = Selected(path, where, named=True)
        frame, found = replaced(frame, selected, values.only(where), faults, chosen.on_error)
        return Applied((frame,), tuple(found))
