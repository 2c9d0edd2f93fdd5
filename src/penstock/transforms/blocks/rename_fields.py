"""Rename Fields: order and keys follow."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import pyarrow as pa
from pydantic import Field, model_validator

from penstock.transforms.blocks.block import Applied, Block, Chosen, Effect, Group
from penstock.transforms.blocks.renaming import OnConflict, renamed, renamed_schema
from penstock.transforms.columns.frame import Frame
from penstock.transforms.columns.replacing import replaced
from penstock.transforms.filters.condition import check_pattern


class RenameFields(Block):
    """Give selected fields another name; of a nested path the leaf is renamed in its place."""

    type: ClassVar = "RENAME_FIELDS"
    title: ClassVar = "Rename Fields"
    group: ClassVar = Group.EVENT
    effect: ClassVar = Effect.SAME_COLUMN

    mode: Literal["TO", "MAP", "PREFIX", "SUFFIX", "REPLACE"] = "TO"
    """How the new names come about."""
    value: str | None = Field(default=None, min_length=1)
    """For TO the name, else what is put before or behind."""
    names: dict[str, str] = Field(default_factory=dict)
    """For MAP: the new name for each old one."""
    find: str | None = Field(default=None, min_length=1)
    """For REPLACE: text, or an RE2 pattern."""
    replace: str = ""
    """For REPLACE: what to put."""
    regex: bool = False
    """Whether `find` is a pattern."""
    on_conflict: OnConflict = "ERROR"
    """What to do where the new name is taken."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mode in ("TO", "PREFIX", "SUFFIX") and not self.value:
            raise ValueError(f"{self.mode} needs a value")
        if self.mode == "MAP" and (not self.names or not all(self.names.values())):
            raise ValueError("MAP needs a new name for each old one")
        if self.mode == "REPLACE":
            if self.find is None:
                raise ValueError("REPLACE needs something to find")
            if self.regex:
                check_pattern(self.find)
        return self

    def shape(self, incoming: pa.Schema, selected: frozenset[str]) -> pa.Schema:
        return renamed_schema(incoming, selected, self.new_name)

    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        return renamed(frame, chosen, self.new_name, self.on_conflict)

    def new_name(self, name: str) -> str:
        """The new name of a field, or of a leaf."""
        if self.mode == "TO":
            return self.value or name
        if self.mode == "MAP":
            return self.names.get(name, name)
        if self.mode == "REPLACE":
            texts = replaced(pa.array([name]), self.find or "", self.replace, regex=self.regex)
            return str(texts[0].as_py()) or name
        return f"{self.value}{name}" if self.mode == "PREFIX" else f"{name}{self.value}"
