"""Drop Fields: selected fields are gone, null or not."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from penstock.transforms.blocks.block import Applied, Block, Chosen, Effect, Fault, Group
from penstock.transforms.columns.frame import Frame


class DropFields(Block):
    """Remove fields; of a nested path only the leaf goes. An event cannot lose its key."""

    type: ClassVar = "DROP_FIELDS"
    title: ClassVar = "Drop Fields"
    group: ClassVar = Group.EVENT
    effect: ClassVar = Effect.COLUMN_STAYS

    def shape(self, incoming: pa.Schema, selected: frozenset[str]) -> pa.Schema:
        return pa.schema([field for field in incoming if field.name not in selected])

    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        faults = []
        for selected in chosen.fields():
            if selected.text in frame.keys and len(selected.path) == 1:
                cause = f"The field {selected.text} is part of the primary key."
                code = "TRANSFORM_PRIMARY_KEY_MISSING"
                faults.append(Fault(selected.where, selected.text, cause, code, final=True))
            frame = frame.drop(selected.path, selected.where)
        return Applied((frame,), tuple(faults))
