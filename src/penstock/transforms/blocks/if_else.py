"""If-Else: events go one way or the other, and never meet again."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, field_validator

from penstock.transforms.blocks.block import Applied, Block, Chosen, Effect, Group
from penstock.transforms.columns import masks
from penstock.transforms.columns.frame import Frame
from penstock.transforms.filters.condition import Condition, as_group, conditions_of, events_of
from penstock.transforms.filters.condition import Group as Conditions


class IfElse(Block):
    """Events for which the condition holds take `then`, all others `else`."""

    type: ClassVar = "IF_ELSE"
    title: ClassVar = "If-Else"
    group: ClassVar = Group.CONTROL
    effect: ClassVar = Effect.NONE
    on_fields: ClassVar = False

    condition: Conditions
    """What an event must fulfil to go the first way."""
    then: list[dict[str, Any]] = Field(default_factory=list)
    """Blocks of the first way."""
    otherwise: list[dict[str, Any]] = Field(default_factory=list, alias="else")
    """Blocks of the other way."""

    @field_validator("condition", mode="before")
    @classmethod
    def _grouped(cls, value: object) -> object:
        return as_group(value)

    @field_validator("condition")
    @classmethod
    def _on_events(cls, group: Conditions) -> Conditions:
        if any(c.on not in ("EVENT_TYPE", "EVENT_FIELD") for c in _conditions(group)):
            raise ValueError("a condition asks EVENT_TYPE or EVENT_FIELD")
        return group

    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        """The frame of each way, `then` first; the flow runs the blocks of both."""
        yes = masks.both(chosen.events, events_of(self.condition, frame))
        return Applied((frame.picked(yes), frame.picked(masks.outside(yes))))


def _conditions(group: Conditions) -> list[Condition]:
    return list(conditions_of(group))
