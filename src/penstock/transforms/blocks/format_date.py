"""Format Date to String."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from pydantic import field_validator

from penstock.transforms.blocks.block import Change, Effect, Group, ValueBlock, of_texts
from penstock.transforms.columns.column import Kind, Part
from penstock.transforms.columns.date_text import written
from penstock.transforms.columns.zones import zone
from penstock.transforms.date_patterns import Element, elements

_DEFAULTS = {
    Kind.DATE: "yyyy-MM-dd",
    Kind.TIME: "HH:mm:ss",
    Kind.TIMESTAMP: "yyyy-MM-dd HH:mm:ss",
}


class FormatDate(ValueBlock):
    """Write dates, times and timestamps by a pattern; what a value lacks is zeros."""

    type: ClassVar = "FORMAT_DATE"
    title: ClassVar = "Format Date to String"
    group: ClassVar = Group.DATE
    effect: ClassVar = Effect.TYPE_CHANGE
    handles: ClassVar = frozenset(_DEFAULTS)

    format: str | None = None
    """A pattern such as `dd/MM/yyyy HH:mm` or `%d/%m/%Y`; left out, ISO 8601."""
    timezone: str = "UTC"
    """The zone whose clock is shown, e.g. `Asia/Kolkata` or `+05:30`."""

    @field_validator("format")
    @classmethod
    def _pattern(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            elements(pattern)
        return pattern

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        return zone(name)

    @cached_property
    def _elements(self) -> dict[Kind, tuple[Element, ...]]:
        return {kind: elements(self.format or default) for kind, default in _DEFAULTS.items()}

    def change(self, part: Part) -> Change:
        return of_texts(written(part, self._elements[part.kind], self.timezone))
