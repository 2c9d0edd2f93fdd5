"""What a block is: settings of which its form is drawn, and the change it makes to columns.

A new block is one file with one class, and one line in the list of `blocks/__init__.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from penstock.core import types
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part, joined
from penstock.transforms.columns.frame import Frame
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.reading import read
from penstock.transforms.filters.filters import Selected
from penstock.transforms.formula.means import Means


class OnError(StrEnum):
    """What becomes of an event in which a block fails."""

    FAIL = "FAIL"
    SKIP_FIELD = "SKIP_FIELD"
    SET_NULL = "SET_NULL"


class Group(StrEnum):
    """Where a block stands in the editor's list."""

    CONTROL = "Control"
    DATE = "Date"
    EVENT = "Event manipulation"
    JSON = "JSON manipulation"
    MATHEMATICAL = "Mathematical"
    SECURITY = "Security"
    STRING = "String"


class Effect(StrEnum):
    """What a block does to destination tables (transformations.md 9)."""

    NEW_COLUMN = "A"
    SAME_COLUMN = "B"
    TYPE_CHANGE = "C"
    COLUMN_STAYS = "D"
    NONE = ""


@dataclass(frozen=True)
class Fault:
    """Events in which a block fails.

    Args:
        where: rows of the frame it was given.
        field: the field it failed at; empty for the event.
        cause: one sentence for the user.
        sub_code: of transformations.md 3.7.
        final: the event fails, whatever `on_error` says.
    """

    where: Mask
    field: str
    cause: str
    sub_code: str = "TRANSFORM_BLOCK_ERROR"
    final: bool = False


@dataclass(frozen=True)
class Chosen:
    """What a block is to work on.

    Args:
        events: rows selected.
        fields: gives the selected fields; asked by blocks that work on fields.
    """

    events: Mask
    fields: Callable[[], list[Selected]]
    on_error: OnError
    means: Means


@dataclass(frozen=True)
class Applied:
    """What a block made of a frame: frames that go on, and faults by rows of the old frame.

    Rows at fault are still in the frames; the flow takes them out.
    """

    frames: tuple[Frame, ...]
    faults: tuple[Fault, ...] = ()


class Block(BaseModel, ABC):
    """One block. Its fields are its settings; an instance never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    type: ClassVar[str]
    title: ClassVar[str]
    group: ClassVar[Group]
    effect: ClassVar[Effect]
    on_fields: ClassVar[bool] = True
    """Whether it works on selected fields; False for blocks that work on whole events."""

    @abstractmethod
    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        """The frame with the change made, in the selected rows alone."""

    def shape(self, incoming: pa.Schema, _selected: frozenset[str]) -> pa.Schema:
        """Fields after the block, as far as names and types alone tell; no row is needed.

        Args:
            incoming: fields before it; `pa.null()` where the data decides the type.
            _selected: names of the fields that the filters may select.
        """
        return incoming


@dataclass(frozen=True)
class Change:
    """What became of one part: new values, and the rows it could not change.

    Rows of the part that have neither a new value nor a fault get nothing, so a block that
    means null says so in the column's nulls.
    """

    column: Column
    faults: tuple[tuple[Mask, str], ...] = field(default=())


class ValueBlock(Block):
    """A block that turns each value of some kinds into another, null left alone."""

    handles: ClassVar[frozenset[Kind]]

    @abstractmethod
    def change(self, part: Part) -> Change:
        """New values for all valid rows of the part, which is of a kind handled."""

    def result(self, _kind: pa.DataType) -> pa.DataType:
        """The type that values of a type become; `pa.null()` where the values decide."""
        return pa.string()

    def shape(self, incoming: pa.Schema, selected: frozenset[str]) -> pa.Schema:
        fields = [
            f.with_type(self.result(f.type)) if f.name in selected and self._takes(f.type) else f
            for f in incoming
        ]
        return pa.schema(fields)

    def _takes(self, kind: pa.DataType) -> bool:
        """Whether values of the type are of a kind handled; of an unknown type they may be."""
        parts = read(pa.nulls(1, kind)).parts if not types.is_json(kind) else ()
        handled = {part.kind for part in parts} or {Kind.OBJECT, Kind.ARRAY}
        return bool(handled & self.handles)

    def apply(self, frame: Frame, chosen: Chosen) -> Applied:
        faults: list[Fault] = []
        for selected in chosen.fields():
            frame, new = self._one(frame, selected, chosen.on_error)
            faults += new
        return Applied((frame,), tuple(faults))

    def _one(
        self, frame: Frame, selected: Selected, on_error: OnError
    ) -> tuple[Frame, list[Fault]]:
        old = frame.get(selected.path)
        values = old.only(selected.where)
        columns: list[Column] = []
        faults: list[tuple[Mask, str]] = []
        for part in values.parts:
            if part.kind in self.handles:
                change = self.change(part)
                columns.append(change.column)
                faults += change.faults
            elif selected.named:
                faults.append(
                    (part.values.is_valid(), f"{self.title} cannot work on {_A[part.kind]}.")
                )
        return replaced(frame, selected, _overlaid(old.rows, columns), faults, on_error)


def _overlaid(rows: int, columns: list[Column]) -> Column:
    """Columns that overlap in no row, as one."""
    if len(columns) == 1:
        return columns[0]
    nulls = [c.null for c in columns if c.nulls is not None]
    found = nulls[0] if nulls else None
    for more in nulls[1:]:
        found = masks.either(found, more)
    return joined(rows, [part for column in columns for part in column.parts], found)


def replaced(
    frame: Frame,
    selected: Selected,
    new: Column,
    faults: list[tuple[Mask, str]],
    on_error: OnError,
) -> tuple[Frame, list[Fault]]:
    """The frame with the new values where there are any, and what `on_error` asks elsewhere."""
    where = new.present
    for bad, _ in faults:
        where = masks.minus(where, bad)
    frame = frame if masks.is_none(where) else frame.put(selected.path, new, where)
    if on_error is OnError.SET_NULL:
        for where, _ in faults:
            null = Column(frame.rows, (), masks.every(frame.rows))
            frame = frame.put(selected.path, null, where)
    if on_error is not OnError.FAIL:
        return frame, []
    return frame, [Fault(w, selected.text, cause) for w, cause in faults if not masks.is_none(w)]


def with_field(schema: pa.Schema, name: str, kind: pa.DataType) -> pa.Schema:
    """The schema with a field of that type, in its place if there was one."""
    at = schema.get_field_index(name)
    made = pa.field(name, kind)
    return schema.append(made) if at < 0 else schema.set(at, made)


def of_texts(texts: pa.Array) -> Change:
    """Each value as the text given."""
    return Change(Column.of(Kind.STRING, texts))


_A = {
    Kind.STRING: "text",
    Kind.NUMBER: "a number",
    Kind.BOOLEAN: "true or false",
    Kind.DATE: "a date",
    Kind.TIME: "a time of day",
    Kind.TIMESTAMP: "a timestamp",
    Kind.ARRAY: "an array",
    Kind.OBJECT: "an object",
    Kind.BYTES: "bytes",
}
