"""The filters of one block: which events it works on, and which of their fields."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, model_validator

from penstock.transforms.columns import masks
from penstock.transforms.columns.frame import Frame, Path
from penstock.transforms.columns.masks import Mask
from penstock.transforms.filters.condition import Condition, Match, combined, events_of
from penstock.transforms.filters.operators import Operator

_NAMED = (Operator.EQ, Operator.IN)
OURS = "_ps_"
"""Fields of ours begin so; no filter selects them."""


@dataclass(frozen=True)
class Selected:
    """A field that a block works on.

    Args:
        path: the field, or a place inside JSON.
        where: the events in which it is selected.
        named: whether the user named it, so that a wrong type is a mistake.
    """

    path: Path
    where: Mask
    named: bool

    @property
    def text(self) -> str:
        """As the user writes it."""
        return ".".join(self.path)


class Filters(BaseModel):
    """Conditions on the event and on its fields; none selects all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: list[Condition] = Field(default_factory=list)
    field: list[Condition] = Field(default_factory=list)
    event_match: Match = "ALL"
    field_match: Match = "ALL"

    @model_validator(mode="after")
    def _levels(self) -> Filters:
        if any(c.on not in ("EVENT_TYPE", "EVENT_FIELD") for c in self.event):
            raise ValueError("an event filter asks EVENT_TYPE or EVENT_FIELD")
        if any(c.on not in ("FIELD_NAME", "FIELD_VALUE") for c in self.field):
            raise ValueError("a field filter asks FIELD_NAME or FIELD_VALUE")
        return self

    def events(self, frame: Frame) -> Mask:
        """The events selected."""
        if not self.event:
            return masks.every(frame.rows)
        return combined((events_of(c, frame) for c in self.event), self.event_match)

    def fields(self, frame: Frame, events: Mask) -> list[Selected]:
        """The fields selected in these events, in the order of the fields."""
        found = []
        for path in self._candidates(frame):
            where = self._where(frame, path, events)
            if not masks.is_none(where):
                found.append(Selected(path, where, self.names(".".join(path))))
        return found

    def _candidates(self, frame: Frame) -> list[Path]:
        top = [(name,) for name in frame.columns if not name.startswith(OURS)]
        dotted = [frame.path(text) for text in self.named_fields()]
        return [*top, *(p for p in dotted if len(p) > 1 and p[0] in frame.columns)]

    def _where(self, frame: Frame, path: Path, events: Mask) -> Mask:
        where = masks.both(events, frame.get(path).present)
        if not self.field:
            return where
        name = ".".join(path)
        asked = [
            (masks.every if c.names(name) else masks.none)(frame.rows)
            if c.on == "FIELD_NAME"
            else c.values(frame.get(path))
            for c in self.field
        ]
        return masks.both(where, combined(asked, self.field_match))

    def named_fields(self) -> list[str]:
        """Fields that the user named one by one."""
        named = [c for c in self.field if c.on == "FIELD_NAME" and c.op in _NAMED]
        return list(dict.fromkeys(o.text for c in named for o in c.operands))

    def names(self, field: str) -> bool:
        """Whether the user named this field."""
        named = (c for c in self.field if c.on == "FIELD_NAME" and c.op in _NAMED)
        return any(c.names(field) for c in named)
