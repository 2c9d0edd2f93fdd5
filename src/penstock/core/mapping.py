"""The mapping of one event type: which field goes to which column, as what type."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from penstock.core.widen import widen


@dataclass(frozen=True)
class Column:
    """One field's column: the pair of names is kept for ever, the type only widens."""

    field: str
    name: str
    type: pa.Field
    """Arrow type (JSON is marked as in core.types); its name is the column's."""


@dataclass(frozen=True)
class Mapping:
    """One event type and its table. Immutable: evolving gives a new one with `version + 1`."""

    event_type: str
    table: str
    key: tuple[str, ...]
    """Column names of the key; empty when the event type has none."""
    columns: tuple[Column, ...] = ()
    version: int = 0

    def column(self, field: str) -> Column | None:
        return next((c for c in self.columns if c.field == field), None)

    @property
    def schema(self) -> pa.Schema:
        """User columns in the destination's names, in order of first appearance."""
        return pa.schema([c.type for c in self.columns])

    def with_columns(self, columns: tuple[Column, ...]) -> Mapping:
        return replace(self, columns=columns, version=self.version + 1)

    def joined(self, other: Mapping) -> Mapping:
        """This mapping with the fields that only the other knows, and types that hold both.

        A key stays as it is, but one that only the other knows is taken.
        Itself when the other knows nothing more, which is nearly always.
        """
        mine = {column.field: column for column in self.columns}
        columns = [
            replace(column, type=column.type.with_type(widen(column.type, theirs.type)))
            if (theirs := other.column(column.field)) is not None
            else column
            for column in self.columns
        ]
        columns += [column for column in other.columns if column.field not in mine]
        key = self.key or other.key
        if tuple(columns) == self.columns and key == self.key:
            return self
        return replace(self.with_columns(tuple(columns)), key=key)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; the Arrow schema travels in Arrow's own serialised form."""
        return {
            "event_type": self.event_type,
            "table": self.table,
            "key": list(self.key),
            "fields": [c.field for c in self.columns],
            "schema": base64.b64encode(self.schema.serialize().to_pybytes()).decode(),
            "version": self.version,
        }

    @staticmethod
    def from_dict(raw: dict[str, Any]) -> Mapping:
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(raw["schema"])))
        columns = tuple(
            Column(field, item.name, item)
            for field, item in zip(raw["fields"], schema, strict=True)
        )
        return Mapping(raw["event_type"], raw["table"], tuple(raw["key"]), columns, raw["version"])
