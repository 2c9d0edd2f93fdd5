"""The mapping of one event type: which field goes to which column, as what type."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from penstock.core.records import MappingStatus
from penstock.core.types import normal
from penstock.core.widen import widen


@dataclass(frozen=True)
class Column:
    """One field's column: the pair of names is kept for ever, the type only widens."""

    field: str
    name: str
    type: pa.Field
    """Arrow type (JSON is marked as in core.types); its name is the column's."""


@dataclass(frozen=True)
class Left:
    """A field that was seen and is not loaded.

    Args:
        reason: why, in words for the user.
        ignored: the user wants it so: nothing warns of it.
    """

    field: str
    type: pa.DataType
    reason: str = ""
    ignored: bool = False


@dataclass(frozen=True)
class Mapping:
    """One event type and its table. Immutable: evolving gives a new one with `version + 1`.

    Args:
        table: empty while the event type has none.
        key: column names of the key; empty when the event type has none.
        auto: whether new fields get columns and types widen; None leaves it to the pipeline.
        skipped: the user wants none of its events.
        left: fields that were seen and are not loaded.
    """

    event_type: str
    table: str
    key: tuple[str, ...]
    columns: tuple[Column, ...] = ()
    version: int = 0
    auto: bool | None = None
    skipped: bool = False
    left: tuple[Left, ...] = ()

    def column(self, field: str) -> Column | None:
        return next((c for c in self.columns if c.field == field), None)

    def unloaded(self, field: str) -> Left | None:
        return next((item for item in self.left if item.field == field), None)

    @property
    def target(self) -> str:
        """The table that rows go to: none while the event type is skipped."""
        return "" if self.skipped else self.table

    def is_auto(self, by_default: bool) -> bool:
        """Whether the mapping is kept up by itself, in a pipeline whose default this is."""
        return by_default if self.auto is None else self.auto

    def status(self, by_default: bool) -> MappingStatus:
        """Pipelines.md 12.1, from the switch of the pipeline and what the mapping holds."""
        if self.skipped:
            return MappingStatus.SKIPPED
        if not self.table:
            return MappingStatus.UNMAPPED
        return MappingStatus.AUTO_MAPPED if self.is_auto(by_default) else MappingStatus.MAPPED

    @property
    def schema(self) -> pa.Schema:
        """User columns in the destination's names, in order of first appearance."""
        return pa.schema([c.type for c in self.columns])

    def with_columns(self, columns: tuple[Column, ...]) -> Mapping:
        return self.changed(columns=columns)

    def changed(self, **values: Any) -> Mapping:
        """The next version, with these values."""
        return replace(self, version=self.version + 1, **values)

    def leaving(self, *fields: Left) -> Mapping:
        """The same with these fields among those that are not loaded, and without columns for
        them. Itself when it knows them already, with types that hold what came."""
        left = {item.field: item for item in self.left}
        for new in fields:
            old = left.get(new.field)
            if old is None:
                left[new.field] = replace(new, type=normal(new.type))
            else:
                left[new.field] = replace(old, type=widen(old.type, new.type))
        columns = tuple(column for column in self.columns if column.field not in left)
        if tuple(left.values()) == self.left and columns == self.columns:
            return self
        return self.changed(left=tuple(left.values()), columns=columns)

    def holds(self, other: Mapping) -> bool:
        """Whether rows that were mapped by the other go where this one sends them.

        Not when the user changed the table since, moved a field, or took one out.
        """
        names = {column.field: column.name for column in self.columns}
        left = {item.field for item in self.left}
        return self.table == other.table and all(
            column.field not in left and names.get(column.field, column.name) == column.name
            for column in other.columns
        )

    def joined(self, other: Mapping) -> Mapping:
        """This mapping with the fields that only the other knows, and types that hold both.

        Table and key stay as they are, but those that only the other knows are taken.
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
        # A column of which only nulls were seen is in no table yet.
        out = {item.field for item in other.left}
        columns = [c for c in columns if c.type.type != pa.null() or c.field not in out]
        known = {column.field for column in columns}
        found = {
            "table": self.table or other.table,
            "key": self.key or other.key,
            "columns": tuple(columns),
            "left": tuple(item for item in self.left if item.field not in known),
        }
        both = self
        if any(getattr(self, name) != value for name, value in found.items()):
            both = self.changed(**found)
        return both.leaving(*(item for item in other.left if item.field not in known))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; the Arrow schema travels in Arrow's own serialised form."""
        plain = {
            "event_type": self.event_type,
            "table": self.table,
            "key": list(self.key),
            "fields": [c.field for c in self.columns],
            "schema": _packed(self.schema),
            "version": self.version,
        }
        # What most mappings do not have is left out of the many copies in packages.
        if self.auto is not None:
            plain["auto"] = self.auto
        if self.skipped:
            plain["skipped"] = True
        if self.left:
            plain["left"] = {
                "schema": _packed(pa.schema([pa.field(i.field, i.type) for i in self.left])),
                "reasons": [item.reason for item in self.left],
                "ignored": [item.ignored for item in self.left],
            }
        return plain

    @staticmethod
    def from_dict(raw: dict[str, Any]) -> Mapping:
        columns = tuple(
            Column(field, item.name, item)
            for field, item in zip(raw["fields"], _unpacked(raw["schema"]), strict=True)
        )
        return Mapping(
            raw["event_type"], raw["table"], tuple(raw["key"]), columns, raw["version"],
            raw.get("auto"), raw.get("skipped", False), _left(raw.get("left")),
        )  # fmt: skip


def _left(raw: dict[str, Any] | None) -> tuple[Left, ...]:
    if raw is None:
        return ()
    kept = zip(_unpacked(raw["schema"]), raw["reasons"], raw["ignored"], strict=True)
    return tuple(Left(field.name, field.type, reason, no) for field, reason, no in kept)


def _packed(schema: pa.Schema) -> str:
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def _unpacked(text: str) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
