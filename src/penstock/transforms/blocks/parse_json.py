"""Parse JSON from String."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
from pydantic import Field

from penstock.core.types import JSON
from penstock.transforms.blocks.block import (
    Applied,
    Change,
    Chosen,
    Effect,
    Fault,
    Group,
    ValueBlock,
    replaced,
    with_field,
)
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part
from penstock.transforms.columns.frame import Frame
from penstock.transforms.columns.json_text import parsed
from penstock.transforms.filters.filters import Selected


class ParseJson(ValueBlock):
    """The value that a JSON text holds, in place of it or in a field beside it."""

    type: ClassVar = "PARSE_JSON"
    title: ClassVar = "Parse JSON from String"
    group: ClassVar = Group.JSON
    effect: ClassVar = Effect.NEW_COLUMN
    handles: ClassVar = frozenset({Kind.STRING, Kind.ARRAY, Kind.OBJECT})

    target: str = Field(default="REPLACE", min_length=1)
    """`REPLACE`, or the name of a field for the result."""
    only_objects: bool = False
    """Whether everything but objects is a mistake."""

    def result(self, _kind: pa.DataType) -> pa.DataType:
        return JSON if self.only_objects else pa.null()

    def shape(self, incoming: pa.Schema, selected: frozenset[str]) -> pa.Schema:
        if self.target == "REPLACE":
            return super().shape(incoming, selected)
        return with_field(incoming, self.target, self.result(pa.string()))

    def change(self, part: Part) -> Change:
        if part.kind is not Kind.STRING:
            return Change(Column.of(part.kind, part.values))
        found, bad = parsed(part.values)
        faults = [(bad, "The text is no JSON.")]
        if self.only_objects:
            objects = found.part(Kind.OBJECT)
            is_object = masks.none(found.rows) if objects is None else objects.values.is_valid()
            faults.append((masks.minus(found.valid, is_object), "The JSON is no object."))
            found = found.only(masks.either(is_object, found.null))
        return Change(found, tuple(faults))

    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        if self.target == "REPLACE":
            return super().apply(frame, chosen)
        faults: list[Fault] = []
        for selected in chosen.fields():
            values = frame.get(selected.path).only(selected.where)
            text = values.part(Kind.STRING)
            if text is None:
                continue
            change = self.change(text)
            target = Selected(frame.path(self.target), selected.where, named=True)
            made = replaced(frame, target, change.column, list(change.faults), chosen.on_error)
            frame = made[0]
            faults += [Fault(f.where, selected.text, f.cause) for f in made[1]]
        return Applied((frame,), tuple(faults))
