"""Parse Date from String."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from penstock.core.types import TIME, TIMESTAMPTZ
from penstock.transforms.blocks.block import Change, Effect, Group, ValueBlock
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part
from penstock.transforms.columns.date_reading import DateOutput, DatePattern, read, shaped
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.zones import zone
from penstock.transforms.date_patterns import elements

_MILLIS_FROM: Final = 1e11
_MICROS_FROM: Final = 1e14
_NANOS_FROM: Final = 1e17
_FURTHEST_US: Final = 253_402_300_799_999_999
_KINDS: Final[dict[DateOutput, Kind]] = {
    "DATE": Kind.DATE,
    "TIMESTAMP": Kind.TIMESTAMP,
    "TIME": Kind.TIME,
}


class ParseDate(ValueBlock):
    """Read text by the first pattern that fits; blank text is null."""

    type: ClassVar = "PARSE_DATE"
    title: ClassVar = "Parse Date from String"
    group: ClassVar = Group.DATE
    effect: ClassVar = Effect.TYPE_CHANGE
    handles: ClassVar = frozenset({Kind.STRING, Kind.NUMBER, Kind.DATE, Kind.TIMESTAMP, Kind.TIME})

    formats: list[str] = Field(default_factory=list)
    """Patterns, of which the first that fits wins; left out, ISO 8601 and some usual ones."""
    output: DateOutput = "TIMESTAMP"
    """What is made of the text."""
    timezone: str = "UTC"
    """The zone of text without an offset."""
    from_epoch: Literal["NONE", "SECONDS", "MILLIS", "AUTO"] = "NONE"
    """Whether numbers are taken too, and as what."""

    @field_validator("formats")
    @classmethod
    def _patterns(cls, formats: list[str]) -> list[str]:
        for pattern in formats:
            elements(pattern)
        return formats

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        return zone(name)

    @cached_property
    def _read(self) -> tuple[DatePattern, ...]:
        return tuple(DatePattern(elements(pattern)) for pattern in self.formats)

    def result(self, _kind: pa.DataType) -> pa.DataType:
        return {"DATE": pa.date32(), "TIME": TIME, "TIMESTAMP": TIMESTAMPTZ}[self.output]

    def change(self, part: Part) -> Change:
        if part.kind is Kind.NUMBER:
            return self._numbers(part)
        if part.kind is not Kind.STRING:
            cause = "The value is a date or time already."
            same = Column.of(part.kind, part.values)
            if part.kind is _KINDS[self.output]:
                return Change(same)
            return Change(Column(len(part.values)), ((part.values.is_valid(), cause),))
        blank = masks.certain(pc.equal(pc.utf8_trim_whitespace(part.values), ""))
        found = read(part.values, self._read, self.timezone, self.output)
        return self._made(found, part.values, blank, "The text matches no date pattern.")

    def _made(self, found: pa.Array, values: pa.Array, blank: Mask, cause: str) -> Change:
        bad = masks.minus(masks.minus(values.is_valid(), blank), found.is_valid())
        return Change(Column.of(_KINDS[self.output], found, blank), ((bad, cause),))

    def _numbers(self, part: Part) -> Change:
        nobody = masks.none(len(part.values))
        if self.from_epoch == "NONE":
            cause = f"{self.title} does not take numbers: see from_epoch."
            return Change(Column(len(part.values)), ((part.values.is_valid(), cause),))
        found = shaped(self._instants(part.values), self.timezone, self.output)
        return self._made(found, part.values, nobody, "The number is no time.")

    def _instants(self, values: pa.Array) -> pa.Array:
        """Epochs as instants; those past the year 9999 are null."""
        numbers = (
            values.cast(pa.float64(), safe=False)
            if pa.types.is_integer(values.type)
            else values.cast(pa.string()).cast(pa.float64())
        )
        size = pc.abs(numbers)
        factor = pa.scalar({"SECONDS": 1e6, "MILLIS": 1e3}.get(self.from_epoch, 1e6))
        if self.from_epoch == "AUTO":
            factor = pc.case_when(
                pc.make_struct(
                    pc.less(size, _MILLIS_FROM),
                    pc.less(size, _MICROS_FROM),
                    pc.less(size, _NANOS_FROM),
                ),
                1e6,
                1e3,
                1.0,
                1e-3,
            )
        micros = pc.multiply(numbers, factor)
        usual = masks.certain(pc.less_equal(pc.abs(micros), float(_FURTHEST_US)))
        exact = pc.floor(masks.kept(micros, usual))
        return exact.cast(pa.int64(), safe=False).cast(TIMESTAMPTZ)
