"""Format Number to String."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from pydantic import Field, field_validator

from penstock.transforms.blocks.block import Change, Effect, Group, ValueBlock, of_texts
from penstock.transforms.columns.column import Kind, Part
from penstock.transforms.columns.number_text import NumberPattern, fixed, read_pattern, written


class FormatNumber(ValueBlock):
    """Write numbers by a pattern, else at so many places, else as their shortest text."""

    type: ClassVar = "FORMAT_NUMBER"
    title: ClassVar = "Format Number to String"
    group: ClassVar = Group.MATHEMATICAL
    effect: ClassVar = Effect.TYPE_CHANGE
    handles: ClassVar = frozenset({Kind.NUMBER})

    pattern: str | None = None
    """A pattern such as `#,##0.00`; left out, the shortest exact text."""
    decimals: int | None = Field(default=None, ge=0, le=18)
    """Places, where there is no pattern."""
    grouping: bool = False
    """Whether commas stand between thousands, where there is no pattern."""

    @field_validator("pattern")
    @classmethod
    def _valid(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            read_pattern(pattern)
        return pattern

    @cached_property
    def _read(self) -> NumberPattern | None:
        return None if self.pattern is None else read_pattern(self.pattern)

    def change(self, part: Part) -> Change:
        if self._read is not None:
            return of_texts(written(part, self._read))
        return of_texts(fixed(part, self.decimals, self.grouping))
