"""Flatten JSON: the fields of an object become fields beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from penstock.core.types import is_json
from penstock.transforms.blocks.block import Applied, Block, Chosen, Effect, Fault, Group, OnError
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind
from penstock.transforms.columns.frame import Frame
from penstock.transforms.columns.json_text import parsed
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.reading import from_json
from penstock.transforms.filters.filters import Selected

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


class FlattenJson(Block):
    """Make a field of every leaf of an object, named by its path."""

    type: ClassVar = "FLATTEN_JSON"
    title: ClassVar = "Flatten JSON"
    group: ClassVar = Group.JSON
    effect: ClassVar = Effect.NEW_COLUMN

    separator: str = Field(default="_", min_length=1, max_length=3)
    """Stands between the names of the levels."""
    max_depth: int | None = Field(default=None, ge=1)
    """Levels that are opened; none for all."""
    keep_original: bool = False
    """Whether the object stays beside its fields."""
    arrays: Literal["KEEP", "INDEX", "STRINGIFY"] = "KEEP"
    """Keep arrays, make a field of each element, or make them text."""
    parse_strings: bool = False
    """Whether text that holds an object is flattened too."""
    prefix_parent: bool = True
    """Whether new names begin with the name of the object."""
    on_conflict: Literal["KEEP_EXISTING", "OVERWRITE", "SUFFIX"] = "SUFFIX"
    """What to do where a field of that name has a value."""

    def shape(self, incoming: pa.Schema, selected: frozenset[str]) -> pa.Schema:
        """Only the data tell which fields an object has; here it is seen that it goes."""
        if self.keep_original:
            return incoming
        gone = {f.name for f in incoming if f.name in selected and is_json(f.type)}
        return pa.schema([field for field in incoming if field.name not in gone])

    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        faults = []
        for selected in chosen.fields():
            column = frame.get(selected.path).only(selected.where)
            objects, wrong = self._objects(column)
            if selected.named and not masks.is_none(wrong):
                cause = f"{self.title} works on objects only."
                faults.append(Fault(wrong, selected.text, cause))
            frame = self._flattened(frame, selected, objects)
            if chosen.on_error is OnError.SET_NULL and selected.named:
                null = Column(frame.rows, (), masks.every(frame.rows))
                frame = frame.put(selected.path, null, wrong)
        return Applied((frame,), tuple(faults) if chosen.on_error is OnError.FAIL else ())

    def _objects(self, column: Column) -> tuple[pa.Array, Mask]:
        """Objects as JSON texts, and the values that are none."""
        texts = pa.nulls(column.rows, pa.string())
        for part in column.parts:
            if part.kind is Kind.OBJECT:
                texts = pc.coalesce(texts, part.values)
            elif part.kind is Kind.STRING and self.parse_strings:
                inside = parsed(part.values)[0].part(Kind.OBJECT)
                texts = texts if inside is None else pc.coalesce(texts, inside.values)
        return texts, masks.minus(column.valid, texts.is_valid())

    def _flattened(self, frame: Frame, selected: Selected, objects: pa.Array) -> Frame:
        there = objects.is_valid()
        if masks.is_none(there):
            return frame
        leaves = self._leaves(objects, selected.path[-1])
        if not self.keep_original:
            frame = frame.drop(selected.path, there)
        for name, texts in leaves.items():
            frame = self._put(frame, name, from_json(pa.array(texts, pa.string())))
        return frame

    def _leaves(self, objects: pa.Array, parent: str) -> dict[str, list[str | None]]:
        """JSON texts by name of the new field, in order of first appearance."""
        found: dict[str, list[str | None]] = {}
        prefix = (parent,) if self.prefix_parent else ()
        for row, text in enumerate(objects.to_pylist()):
            if text is None:
                continue
            for path, value in self._walk(text.encode(), (), 0):
                name = self.separator.join((*prefix, *path))
                if name not in found:
                    found[name] = [None] * len(objects)
                found[name][row] = value
        return found

    def _walk(
        self, value: bytes, path: tuple[str, ...], depth: int
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        """Leaves below a value. Objects deeper than the limit, and empty ones, are not opened."""
        deepest = self.max_depth is not None and depth >= self.max_depth
        if value[:1] == b"{" and not deepest:
            for name, inner in _OBJECT.decode(value).items():
                yield from self._walk(bytes(inner), (*path, name), depth + 1)
        elif value[:1] == b"[" and self.arrays == "INDEX" and not deepest:
            for at, inner in enumerate(_LIST.decode(value)):
                yield from self._walk(bytes(inner), (*path, str(at)), depth + 1)
        elif value[:1] == b"[" and self.arrays == "STRINGIFY":
            yield path, msgspec.json.encode(value.decode()).decode()
        else:
            yield path, value.decode()

    def _put(self, frame: Frame, name: str, new: Column) -> Frame:
        """The new field; a value that is there already decides row by row."""
        taken = masks.both(new.present, frame.get((name,)).present)
        if self.on_conflict == "OVERWRITE" or masks.is_none(taken):
            return frame.put((name,), new, new.present)
        frame = frame.put((name,), new, masks.minus(new.present, taken))
        if self.on_conflict == "KEEP_EXISTING":
            return frame
        rest, number = taken, 0
        while not masks.is_none(rest):
            number += 1
            other = f"{name}_{number}"
            free = masks.minus(rest, frame.get((other,)).present)
            frame = frame.put((other,), new, free)
            rest = masks.minus(rest, free)
        return frame
