"""Rename Events: to another event type, and so to the table of that."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import ClassVar, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from penstock.transforms.blocks.block import Applied, Block, Chosen, Effect, Fault, Group, OnError
from penstock.transforms.blocks.valued import Valued
from penstock.transforms.columns import masks
from penstock.transforms.columns.frame import Frame
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.replacing import replaced
from penstock.transforms.filters.condition import check_pattern

LONGEST_NAME = 512
"""Characters of an event name (transformations.md 4.3)."""


class RenameEvents(Block, Valued):
    """Give selected events another type; properties and keys stay."""

    type: ClassVar = "RENAME_EVENTS"
    title: ClassVar = "Rename Events"
    group: ClassVar = Group.EVENT
    effect: ClassVar = Effect.SAME_COLUMN
    on_fields: ClassVar = False
    has_own: ClassVar = False

    mode: Literal["TO", "PREFIX", "SUFFIX", "REPLACE"] = "TO"
    """How the new name comes about."""
    value: str | int | float | bool = ""
    """The name, or what is put before or behind it; with TO a formula too."""
    find: str | None = Field(default=None, min_length=1)
    """For REPLACE: text, or an RE2 pattern."""
    replace: str = ""
    """For REPLACE: what to put."""
    regex: bool = False
    """Whether `find` is a pattern."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mode == "REPLACE":
            if self.find is None:
                raise ValueError("REPLACE needs something to find")
            if self.regex:
                check_pattern(self.find)
        elif not str(self.value).strip():
            raise ValueError(f"{self.mode} needs a value")
        return self

    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        where = chosen.events
        others = frame.picked(masks.outside(where))
        if self.mode == "TO" and self.is_formula_in(frame):
            return self._computed(frame, chosen)
        name = self._name(frame.name)
        faults = () if usable(name) else (_bad_name(where),)
        return Applied((replace(frame.picked(where), name=name), others), faults)

    def static_name(self, old: str, known: Container[str]) -> str:
        """The name that events get; the old one where a formula of these fields gives it."""
        if self.mode == "TO" and self.is_formula_of(known):
            return old
        return self._name(old)

    def _name(self, old: str) -> str:
        if self.mode == "TO":
            return str(self.value)
        if self.mode == "REPLACE":
            texts = replaced(pa.array([old]), self.find or "", self.replace, regex=self.regex)
            return str(texts[0].as_py())
        return f"{self.value}{old}" if self.mode == "PREFIX" else f"{old}{self.value}"

    def _computed(self, frame: Frame, chosen: Chosen) -> Applied:
        """A frame for each name that the formula gives."""
        where = chosen.events
        values, bad = self.values(frame, where, None, chosen.means)
        faults = [Fault(w, "", cause) for w, cause in bad]
        failed = masks.none(frame.rows)
        for rows, _ in bad:
            failed = masks.either(failed, rows)
        texts = [part.texts() for part in values.parts]
        names = pc.coalesce(*texts, "") if texts else pa.repeat("", frame.rows)
        named = masks.minus(where, failed)
        if chosen.on_error is OnError.SKIP_FIELD:
            faults = []
        frames = [frame.picked(masks.outside(where)), frame.picked(masks.both(where, failed))]
        for name in pc.unique(names.filter(named)).to_pylist():
            here = masks.both(named, pc.equal(names, name))
            if not usable(name):
                faults.append(_bad_name(here))
            frames.append(replace(frame.picked(here), name=name))
        return Applied(tuple(frames), tuple(faults))


def usable(name: str) -> bool:
    """Whether an event may be called so."""
    return bool(name.strip()) and len(name) <= LONGEST_NAME


def _bad_name(where: Mask) -> Fault:
    cause = f"An event name is not blank and has at most {LONGEST_NAME} characters."
    return Fault(where, "", cause, "TRANSFORM_BAD_EVENT_NAME", final=True)
