"""Find & Replace: text or a pattern within text."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from penstock.transforms.blocks.block import Change, Effect, Group, ValueBlock, of_texts
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part
from penstock.transforms.columns.replacing import Scope, found, replaced
from penstock.transforms.filters.condition import check_pattern


class FindReplace(ValueBlock):
    """Replace what is found; `$null` as replacement makes the whole field null."""

    type: ClassVar = "FIND_REPLACE"
    title: ClassVar = "Find & Replace"
    group: ClassVar = Group.STRING
    effect: ClassVar = Effect.SAME_COLUMN
    handles: ClassVar = frozenset({Kind.STRING})

    find: str = Field(min_length=1)
    """Text, or an RE2 pattern."""
    replace: str = ""
    """What to put; with a pattern `\\1` or `$1` is a group. `$null` makes the field null."""
    regex: bool = False
    """Whether `find` is a pattern."""
    match_case: bool = True
    """Whether upper and lower case differ."""
    scope: Scope = "ALL"
    """All places, the first one, or only values that are found as a whole."""

    @model_validator(mode="after")
    def _valid_pattern(self) -> Self:
        if self.regex:
            check_pattern(self.find)
        return self

    def change(self, part: Part) -> Change:
        if self.replace == "$null":
            hit = masks.certain(
                found(
                    part.values,
                    self.find,
                    regex=self.regex,
                    match_case=self.match_case,
                    scope=self.scope,
                )
            )
            column = Column.of(Kind.STRING, masks.kept(part.values, masks.outside(hit)), hit)
            return Change(column)
        return of_texts(
            replaced(
                part.values,
                self.find,
                self.replace,
                regex=self.regex,
                match_case=self.match_case,
                scope=self.scope,
            )
        )
