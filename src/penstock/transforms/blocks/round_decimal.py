"""Round-off Decimal Fields."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
from pydantic import Field

from penstock.transforms.blocks.block import Change, Effect, Group, ValueBlock
from penstock.transforms.columns.column import Column, Kind, Part
from penstock.transforms.columns.numbers import Mode, rounded


class RoundDecimal(ValueBlock):
    """Round numbers; floats by their shortest text, and they stay floats."""

    type: ClassVar = "ROUND_DECIMAL"
    title: ClassVar = "Round-off Decimal Fields"
    group: ClassVar = Group.MATHEMATICAL
    effect: ClassVar = Effect.SAME_COLUMN
    handles: ClassVar = frozenset({Kind.NUMBER})

    decimals: int = Field(default=2, ge=-10, le=18)
    """Places kept; less than zero rounds tens, hundreds and so on."""
    mode: Mode = "HALF_UP"
    """Which way to round."""

    def result(self, kind: pa.DataType) -> pa.DataType:
        return kind

    def change(self, part: Part) -> Change:
        return Change(Column.of(Kind.NUMBER, rounded(part.values, self.decimals, self.mode)))
