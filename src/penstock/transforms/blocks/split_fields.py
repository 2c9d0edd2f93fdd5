"""Split Fields: the parts of a text in fields of their own, or in an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from penstock.transforms.blocks.block import (
    Applied,
    Change,
    Chosen,
    Effect,
    Fault,
    Group,
    OnError,
    ValueBlock,
    with_field,
)
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part
from penstock.transforms.columns.frame import Frame, Path
from penstock.transforms.columns.splitting import MOST_PARTS, split
from penstock.transforms.filters.condition import check_pattern


class SplitFields(ValueBlock):
    """Split text at a delimiter."""

    type: ClassVar = "SPLIT_FIELDS"
    title: ClassVar = "Split Fields"
    group: ClassVar = Group.STRING
    effect: ClassVar = Effect.NEW_COLUMN
    handles: ClassVar = frozenset({Kind.STRING})

    delimiter: str = Field(min_length=1)
    """What stands between the parts: text, or an RE2 pattern."""
    regex: bool = False
    """Whether the delimiter is a pattern."""
    into: Literal["FIELDS", "ARRAY"] = "FIELDS"
    """Whether parts go into fields or into one array."""
    names: list[str] = Field(default_factory=list, max_length=MOST_PARTS)
    """Names of the new fields; others are named after the field, `_1`, `_2` and so on."""
    limit: int | None = Field(default=None, ge=1, le=MOST_PARTS)
    """Most parts; the last one keeps the rest."""
    trim: bool = True
    """Whether spaces around parts are removed."""
    keep_original: bool = True
    """Whether the field stays beside its parts."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.regex:
            check_pattern(self.delimiter)
        if len(set(self.names)) < len(self.names) or not all(self.names):
            raise ValueError("names are not empty and differ")
        return self

    def _split(self, texts: pa.StringArray) -> pa.ListArray:
        return split(texts, self.delimiter, regex=self.regex, limit=self.limit, trim=self.trim)

    def result(self, _kind: pa.DataType) -> pa.DataType:
        return pa.list_(pa.string())

    def shape(self, incoming: pa.Schema, selected: frozenset[str]) -> pa.Schema:
        if self.into == "ARRAY":
            return super().shape(incoming, selected)
        made = incoming
        for field in incoming:
            if field.name in selected and pa.types.is_string(field.type):
                for name in self.names or [f"{field.name}_1"]:
                    made = with_field(made, name, pa.string())
                if not self.keep_original:
                    made = made.remove(made.get_field_index(field.name))
        return made

    def change(self, part: Part) -> Change:
        return Change(Column.of(Kind.ARRAY, self._split(part.values)))

    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        if self.into == "ARRAY":
            return super().apply(frame, chosen)
        faults = []
        for selected in chosen.fields():
            column = frame.get(selected.path).only(selected.where)
            text = column.part(Kind.STRING)
            there = masks.none(frame.rows) if text is None else text.values.is_valid()
            wrong = masks.minus(column.valid, there)
            if selected.named and not masks.is_none(wrong):
                faults.append(
                    Fault(wrong, selected.text, f"{self.title} cannot work on this value.")
                )
            if selected.named and chosen.on_error is OnError.SET_NULL:
                null = Column(frame.rows, (), masks.every(frame.rows))
                frame = frame.put(selected.path, null, wrong)
            if text is None:
                continue
            frame = into_fields(frame, selected.path, self._split(text.values), self.names)
            if not self.keep_original:
                frame = frame.drop(selected.path, there)
        return Applied((frame,), tuple(faults) if chosen.on_error is OnError.FAIL else ())


def into_fields(frame: Frame, path: Path, parts: pa.ListArray, names: Sequence[str]) -> Frame:
    """The parts in new fields beside the old one; names without a part get null."""
    there = parts.is_valid()
    if masks.is_none(there):
        return frame
    count = pc.list_value_length(parts)
    most = int(pc.max(count).as_py())
    for at in range(max(most, len(names))):
        name = names[at] if at < len(names) else f"{path[-1]}_{at + 1}"
        has = masks.certain(pc.greater(count, at))
        lacks = masks.minus(there, has) if at < len(names) else None
        new = Column.of(Kind.STRING, _element(parts, at, has), lacks)
        frame = frame.put((*path[:-1], name), new, new.present)
    return frame


def _element(parts: pa.ListArray, at: int, has: pa.BooleanArray) -> pa.StringArray:
    """The part at a place; null in rows with fewer."""
    places = pc.add(parts.offsets.slice(0, len(parts)), at)
    return parts.values.take(masks.kept(places, has))
