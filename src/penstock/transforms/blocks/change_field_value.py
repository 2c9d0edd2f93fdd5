"""Change Field Values: a value or a formula into every selected field."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from penstock.transforms.blocks.block import (
    Applied,
    Block,
    Chosen,
    Effect,
    Fault,
    Group,
    OnError,
    replaced,
    with_field,
)
from penstock.transforms.blocks.split_fields import into_fields
from penstock.transforms.blocks.valued import Valued
from penstock.transforms.columns.column import Kind
from penstock.transforms.columns.frame import Frame
from penstock.transforms.columns.splitting import split
from penstock.transforms.filters.filters import Selected
from penstock.transforms.formula.arguments import constant_text
from penstock.transforms.formula.evaluate import Evaluation
from penstock.transforms.formula.means import NO_MEANS
from penstock.transforms.formula.tree import Call


class ChangeFieldValue(Block, Valued):
    """Set every selected field, null too; missing fields are not made."""

    type: ClassVar = "CHANGE_FIELD_VALUE"
    title: ClassVar = "Change Field Values"
    group: ClassVar = Group.EVENT
    effect: ClassVar = Effect.SAME_COLUMN

    def shape(self, incoming: pa.Schema, selected: frozenset[str]) -> pa.Schema:
        if self.formula is not None and self.formula.splits_fields:
            return incoming
        made = incoming
        for name in (name for name in incoming.names if name in selected):
            made = with_field(made, name, self.type_in(incoming, name, NO_MEANS))
        return made

    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        found: list[Fault] = []
        for selected in chosen.fields():
            if self.formula is not None and self.formula.splits_fields:
                frame, faults = self._split(frame, selected, chosen)
            else:
                own = frame.get(selected.path)
                values, bad = self.values(frame, selected.where, own, chosen.means)
                new = values.only(selected.where)
                frame, faults = replaced(frame, selected, new, bad, chosen.on_error)
            found += faults
        return Applied((frame,), tuple(found))

    def _split(self, frame: Frame, selected: Selected, chosen: Chosen) -> tuple[Frame, list[Fault]]:
        """SPLIT_FIELDS sets new fields and leaves this one."""
        assert self.formula is not None
        assert isinstance(self.formula.tree, Call)
        args = self.formula.tree.args
        work = Evaluation(frame, frame.get(selected.path), chosen.means)
        own = frame.get(selected.path)
        value = work.value(args[0], selected.where) if len(args) == 2 else own
        text = value.only(selected.where).part(Kind.STRING)
        if text is None:
            return frame, []
        parts = split(text.values, constant_text(args[-1]))
        frame = into_fields(frame, selected.path, parts, ())
        faults = [Fault(w, selected.text, c) for w, c in work.faults]
        return frame, faults if chosen.on_error is OnError.FAIL else []
