"""The mapping of one event type while its rows come: columns appear, types widen."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import pyarrow as pa

from penstock.core import metadata
from penstock.core.failpoints import hit
from penstock.core.load import WriteMode
from penstock.core.mapping import Column, Left, Mapping
from penstock.core.stream import ReadMode, Stream
from penstock.core.types import normal
from penstock.core.widen import widen
from penstock.engine.naming import TableNames
from penstock.engine.numbers import counted_as, is_rounded
from penstock.engine.task import StreamPlan, Task

_NAMED: Final = 5
"""Fields that a warning names."""
NO_TABLE: Final = "the event type has no table"


class Evolving:
    """Decides what becomes of fields: by itself with auto mapping, as the user decided without."""

    def __init__(self, task: Task, plan: StreamPlan) -> None:
        self._task = task
        self._plan = plan
        self._limit = task.destination.capabilities.max_columns - _slots(task, plan)
        self._names = TableNames(task, plan.event_type, plan.stream.ours)
        self._dropped: set[str] = set()
        self._rounded: set[str] = set()
        self._dirty = False
        self.mapping = self._known()
        if self._auto and self.mapping.table:
            self._settle_key()

    @property
    def _auto(self) -> bool:
        return self.mapping.is_auto(self._task.auto_mapping)

    def _known(self) -> Mapping:
        """The mapping to begin with: the saved one, or one that auto mapping makes now."""
        name = self._plan.event_type
        saved = self._task.memory.mapping(name)
        mapping = saved or Mapping(name, "", ())
        if not (mapping.table or mapping.skipped) and mapping.is_auto(self._task.auto_mapping):
            return self._first(mapping)
        if saved is None:
            self._dirty = True
            return mapping.leaving(*unloaded(self._plan.stream.schema, NO_TABLE))
        return saved

    def learn(self, rows: pa.RecordBatch) -> None:
        """Fields of events that no table takes, so that one can be proposed."""
        learned = self.mapping.leaving(*unloaded(rows.schema, NO_TABLE))
        self._dirty |= learned is not self.mapping
        self.mapping = learned

    def save(self) -> None:
        """Keep the mapping before the first package that needs it is closed."""
        if self._dirty:
            with self._task.naming:
                # Another split of this stream may have saved columns of its own.
                known = self._task.memory.mapping(self.mapping.event_type)
                both = known.joined(self.mapping) if known else self.mapping
                self._task.memory.save_mapping(both)
            self._dirty = False
        hit("mapping.saved")

    def _first(self, empty: Mapping) -> Mapping:
        """Auto mapping of an event type without a table: its declared fields, its table."""
        self._dirty = True
        ignored = tuple(item for item in empty.left if item.ignored)
        empty = empty.changed(table=self._names.table(), key=self._wanted_key(), left=ignored)
        fields = [f for f in self._plan.stream.schema if empty.unloaded(f.name) is None]
        return self._added(empty, fields)

    def _wanted_key(self, known: tuple[Column, ...] = ()) -> tuple[str, ...]:
        """Columns of the key that the plan asks for."""
        if self._plan.key == metadata.GENERATED_KEY:
            return self._plan.key
        names = {column.field: column.name for column in known}
        new = self._names.columns(field for field in self._plan.key if field not in names)
        return tuple({**new, **names}[field] for field in self._plan.key)

    def _settle_key(self) -> None:
        """A table keeps the key that it was made with (pipelines.md 12.2).

        One without a key takes it with the next full reload, whose table has no rows yet.
        """
        key = self._wanted_key(self.mapping.columns)
        if key == self.mapping.key:
            return
        if self._plan.rebuilding and not self.mapping.key:
            self.mapping, self._dirty = replace(self.mapping, key=key), True
            return
        old, new = (", ".join(names) or "none" for names in (self.mapping.key, key))
        way = (
            "A table with the new key needs a pipeline of another name and prefix."
            if self.mapping.key
            else "Run once with --full-refresh to make the table anew with that key."
        )
        self._task.warn(
            self._plan.stream.name,
            f"PRIMARY_KEY_CHANGED: the key is {new} now; the table keeps its key, {old}. {way}",
        )

    def _added(self, mapping: Mapping, fields: list[pa.Field]) -> Mapping:
        columns, left = list(mapping.columns), []
        names = self._names.columns((field.name for field in fields), mapping)
        used = {column.name for column in columns}
        for field in fields:
            name, why = names[field.name], ""
            if len(columns) >= self._limit and field.name not in self._plan.key:
                why = f"the table already has {self._limit} columns"
            elif name in used:
                why = f"another field has its column {name!r}"
            if why:
                left.append(Left(field.name, field.type, why))
                continue
            used.add(name)
            columns.append(Column(field.name, name, pa.field(name, normal(field))))
        for reason in dict.fromkeys(item.reason for item in left):
            self._drop([item.field for item in left if item.reason == reason], reason)
        return mapping.with_columns(tuple(columns)).leaving(*left)

    def _drop(self, fields: Iterable[str], why: str) -> None:
        """Tell once of fields that are not loaded."""
        new = [field for field in fields if field not in self._dropped]
        self._dropped.update(new)
        if len(new) == 1:
            self._task.warn(self._plan.stream.name, f"Field {new[0]!r} is not loaded: {why}.")
        elif new:
            names = ", ".join(map(repr, new[:_NAMED]))
            more = f" and {len(new) - _NAMED} more" if len(new) > _NAMED else ""
            self._task.warn(self._plan.stream.name, f"Fields {names}{more} are not loaded: {why}.")

    def evolve(self, rows: pa.RecordBatch) -> None:
        """Add columns for new fields and widen the types of known ones."""
        incoming = rows.schema
        known = {column.field: column for column in self.mapping.columns}
        if (self._task.fixed_schema and known) or not self._auto:
            self._leave(rows)
            return
        left = {item.field for item in self.mapping.left}
        new = [field for field in incoming if field.name not in known and field.name not in left]
        wider = {
            name: column.type.with_type(kind)
            for name, column in known.items()
            if (at := incoming.get_field_index(name)) >= 0
            and (kind := self._wider(column, rows, at)) != column.type.type
        }
        if not new and not wider:
            return
        self._dirty = True
        mapping = self.mapping
        if wider:
            mapping = mapping.with_columns(
                tuple(
                    replace(column, type=wider[column.field]) if column.field in wider else column
                    for column in mapping.columns
                )
            )
        self.mapping = self._added(mapping, new) if new else mapping
        self._tell_of_old_rows(len(mapping.columns))

    def _leave(self, rows: pa.RecordBatch) -> None:
        """Note fields for which there is no column, where none is made by itself."""
        why = "auto mapping is off" if not self._auto else "the schema policy is BLOCK_ALL"
        # A column of which only nulls were seen is none: the table does not have it.
        known = {c.field for c in self.mapping.columns if c.type.type != pa.null()}
        new = [
            field for field in rows.schema if field.name not in known and not _empty(rows, field)
        ]
        ignored = {item.field for item in self.mapping.left if item.ignored}
        self._drop([field.name for field in new if field.name not in ignored], why)
        learned = self.mapping.leaving(*unloaded(new, why))
        self._dirty |= learned is not self.mapping
        self.mapping = learned

    def _tell_of_old_rows(self, before: int) -> None:
        """A log has no word of the values that a new column gave to the rows there were."""
        new = [column.name for column in self.mapping.columns[before:]]
        known = self._task.memory.mapping(self.mapping.event_type) is not None
        if not new or not known or self._plan.stream.mode is not ReadMode.LOG:
            return
        object_, pipeline = (shlex.quote(n) for n in (self._plan.stream.name, self._task.pipeline))
        self._task.warn(
            self._plan.stream.name,
            f"New in {self.mapping.table}: {', '.join(new)}. Rows that were loaded before have no "
            "value there until they change. If they have one in the source (a default, a renamed "
            f"column), read them again: penstock verify {pipeline} --repair, or restart the "
            f"history: penstock run {pipeline} --object {object_} --full-refresh",
        )

    def _wider(self, column: Column, rows: pa.RecordBatch, at: int) -> pa.DataType:
        """The column's type after these rows; tells when whole numbers are rounded by it."""
        field = rows.schema.field(at)
        if field.type.equals(column.type.type):
            return column.type.type
        counted = counted_as(column.type.type, rows.column(at))
        kind = widen(column.type, field.with_type(counted))
        rounded = pa.types.is_floating(kind) and is_rounded(column.type.type, rows.column(at))
        if rounded and column.field not in self._rounded:
            self._rounded.add(column.field)
            self._task.warn(
                self._plan.stream.name,
                f"Field {column.field!r} has whole numbers and fractions that no decimal of 38 "
                "digits holds: whole numbers above 9,007,199,254,740,992 are rounded.",
            )
        return kind


def unloaded(fields: Iterable[pa.Field], why: str) -> Iterator[Left]:
    for field in fields:
        yield Left(field.name, normal(field), why)


def _empty(rows: pa.RecordBatch, field: pa.Field) -> bool:
    """Whether a field has no value in these rows (pipelines.md 12.2, row 14)."""
    return bool(rows.column(field.name).null_count == rows.num_rows)


def _slots(task: Task, plan: StreamPlan) -> int:
    """Columns that are kept free for ours: six, or more where a table has more."""
    versioned = 3 if plan.mode is WriteMode.HISTORY else 0
    ours = len(system_fields(plan.stream, plan.key, keep_op=task.keep_op)) + 1 + versioned
    return max(metadata.RESERVED_COLUMNS, ours)


def system_fields(stream: Stream, key: tuple[str, ...], *, keep_op: bool) -> list[pa.Field]:
    """Columns of ours that every row of the stream carries; `key` is that of its table."""
    fields = [pa.field(metadata.INGESTED_AT, pa.int64())]
    if stream.modified_field is not None:
        fields.append(pa.field(metadata.SOURCE_MODIFIED_AT, pa.int64()))
    if stream.reports_deletes:
        fields.append(pa.field(metadata.DELETED, pa.bool_()))
    if key == metadata.GENERATED_KEY:
        fields.append(pa.field(metadata.ID, pa.string()))
    if keep_op:
        fields.append(pa.field(metadata.OP, pa.string()))
    return fields
