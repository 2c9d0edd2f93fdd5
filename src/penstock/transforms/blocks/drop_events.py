"""Drop Events: they leave the pipeline, counted as filtered."""

from __future__ import annotations

from typing import ClassVar

from penstock.transforms.blocks.block import Applied, Block, Chosen, Effect, Group
from penstock.transforms.columns import masks
from penstock.transforms.columns.frame import Frame


class DropEvents(Block):
    """Let no selected event go on."""

    type: ClassVar = "DROP_EVENTS"
    title: ClassVar = "Drop Events"
    group: ClassVar = Group.EVENT
    effect: ClassVar = Effect.NONE
    on_fields: ClassVar = False

    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        return Applied((frame.picked(masks.outside(chosen.events)),))
