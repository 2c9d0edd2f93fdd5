"""Mask Fields: characters hidden."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar, Self

from pydantic import Field, model_validator

from penstock.transforms.blocks.block import Change, Effect, Group, ValueBlock, of_texts
from penstock.transforms.columns.column import Kind, Part
from penstock.transforms.columns.masking import Masking, MaskMode


class MaskFields(ValueBlock):
    """Hide characters of text and numbers; the result is text."""

    type: ClassVar = "MASK_FIELDS"
    title: ClassVar = "Mask Fields"
    group: ClassVar = Group.SECURITY
    effect: ClassVar = Effect.SAME_COLUMN
    handles: ClassVar = frozenset({Kind.STRING, Kind.NUMBER})

    mode: MaskMode = "ALL"
    """Which characters are hidden."""
    n: int = Field(default=1, ge=1)
    """Characters, for the modes with N."""
    start: int = Field(default=1, ge=1)
    """First character hidden, counted from 1, for RANGE."""
    end: int | None = Field(default=None, ge=1)
    """Last character hidden, for RANGE."""
    mask_char: str = Field(default="*", min_length=1, max_length=1)
    """What is put for each."""
    preserve_length: bool = True
    """Whether the hidden part keeps its length; else it has 8 characters."""
    keep_separators: bool = False
    """Whether spaces, `-`, `.`, `/` and `@` stay."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mode.endswith("_N") and "n" not in self.model_fields_set:
            raise ValueError(f"{self.mode} needs n")
        if self.mode == "RANGE" and (self.end is None or self.end < self.start):
            raise ValueError("RANGE needs a start and an end that is not before it")
        return self

    @cached_property
    def _masking(self) -> Masking:
        return Masking(
            self.mode,
            self.n,
            self.start,
            self.end or self.start,
            self.mask_char,
            self.preserve_length,
            self.keep_separators,
        )

    def change(self, part: Part) -> Change:
        return of_texts(self._masking(part.texts()))
