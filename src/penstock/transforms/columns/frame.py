"""Events of one type while blocks work on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from penstock.transforms.columns import masks, nested
from penstock.transforms.columns.column import Column, missing
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.reading import read
from penstock.transforms.events import Events

Path = tuple[str, ...]
"""A field by its name, or a place inside JSON: the field, then a name for each level."""


@dataclass(frozen=True)
class Frame:
    """n events of one type with the same key fields.

    Args:
        name: the event type.
        keys: fields of the primary key.
        origin: int32, never falling: the row of the input that each came from.
        columns: by name, in order; a name may have rows without the field.
    """

    name: str
    keys: tuple[str, ...]
    origin: pa.Array
    columns: Mapping[str, Column]

    @classmethod
    def read(cls, events: Events) -> Frame:
        """The events as they come."""
        columns = {
            name: read(events.rows.column(i), events.nulls.get(name))
            for i, name in enumerate(events.rows.schema.names)
        }
        return cls(events.name, events.keys, events.origin, columns)

    @property
    def rows(self) -> int:
        return len(self.origin)

    def events(self) -> Events:
        """The events as they leave; fields that no row has any more are left out."""
        columns = {name: c for name, c in self.columns.items() if self._leaves(c)}
        arrays = [column.array() for column in columns.values()]
        schema = pa.schema(
            [pa.field(name, array.type) for name, array in zip(columns, arrays, strict=True)]
        )
        rows = (
            pa.RecordBatch.from_arrays(arrays, schema=schema) if arrays else _empty_rows(self.rows)
        )
        nulls = {n: c.null for n, c in columns.items() if not masks.is_none(c.null)}
        return Events(self.name, self.keys, rows, self.origin, nulls)

    @staticmethod
    def _leaves(column: Column) -> bool:
        return column.source is not None or not masks.is_none(column.present)

    def path(self, text: str) -> Path:
        """The field of this very name, else the place that a dotted text names."""
        if text in self.columns or "." not in text:
            return (text,)
        return tuple(text.split("."))

    def get(self, path: Path) -> Column:
        """The column at a path; nothing in any row where there is none."""
        column = self.columns.get(path[0])
        if column is None:
            return missing(self.rows)
        return column if len(path) == 1 else nested.get(column, path[1:])

    def put(self, path: Path, new: Column, where: Mask) -> Frame:
        """`new` at the path in the rows of the mask; a new field comes last."""
        column = self.columns.get(path[0], missing(self.rows))
        made = (
            column.merged(where, new)
            if len(path) == 1
            else nested.put(column, path[1:], new, where)
        )
        return self.with_columns({**self.columns, path[0]: made})

    def drop(self, path: Path, where: Mask) -> Frame:
        """Without the field in the rows of the mask."""
        if path[0] not in self.columns:
            return self
        column = self.columns[path[0]]
        if len(path) > 1:
            made = nested.edit(column, path[1:], where, None)
            return self.with_columns({**self.columns, path[0]: made})
        if masks.is_all(where):
            return self.with_columns({n: c for n, c in self.columns.items() if n != path[0]})
        return self.with_columns({**self.columns, path[0]: column.only(masks.outside(where))})

    def with_columns(self, columns: Mapping[str, Column]) -> Frame:
        return replace(self, columns=columns)

    def picked(self, where: Mask) -> Frame:
        """Only the events of the mask."""
        if masks.is_all(where):
            return self
        columns = {name: column.picked(where) for name, column in self.columns.items()}
        return replace(self, origin=self.origin.filter(where), columns=columns)


def _empty_rows(count: int) -> pa.RecordBatch:
    """Rows without any field."""
    return pa.RecordBatch.from_struct_array(pa.array([{}] * count, pa.struct([])))
