"""Parse Number from String."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import pyarrow as pa
from pydantic import Field, model_validator

from penstock.transforms.blocks.block import Change, Effect, Group, ValueBlock
from penstock.transforms.columns.column import Column, Kind, Part
from penstock.transforms.columns.number_reading import NumberReading, Output


class ParseNumber(ValueBlock):
    """Read numbers as people write them; blank text is null, numbers stay."""

    type: ClassVar = "PARSE_NUMBER"
    title: ClassVar = "Parse Number from String"
    group: ClassVar = Group.MATHEMATICAL
    effect: ClassVar = Effect.TYPE_CHANGE
    handles: ClassVar = frozenset({Kind.STRING, Kind.NUMBER})

    decimal_separator: Literal[".", ","] = "."
    """The sign before decimals."""
    group_separator: Literal[",", ".", " ", "'", ""] = ","
    """The sign between thousands."""
    strip: str = ""
    """Characters removed first, e.g. `$€%`."""
    decimals: int | None = Field(default=None, ge=0, le=18)
    """Places kept, rounded half up; left out, all."""
    output: Output = "AUTO"
    """What is made of the text: AUTO makes integers of whole numbers."""

    @model_validator(mode="after")
    def _two_signs(self) -> Self:
        if self.decimal_separator == self.group_separator:
            raise ValueError("decimals and groups cannot have the same sign")
        return self

    def result(self, kind: pa.DataType) -> pa.DataType:
        if not pa.types.is_string(kind):
            return kind
        return pa.int64() if self.output == "INTEGER" else pa.null()

    def change(self, part: Part) -> Change:
        if part.kind is Kind.NUMBER:
            return Change(Column.of(Kind.NUMBER, part.values))
        reading = NumberReading(
            self.decimal_separator, self.group_separator, self.strip, self.decimals, self.output
        )
        found, bad = reading(part.values)
        return Change(found, ((bad, "The text is no number."),))
