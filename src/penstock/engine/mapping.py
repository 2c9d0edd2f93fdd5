"""Map rows of a stream to rows of its table: names, types, keys, system columns."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import metadata
from penstock.core.batch import Batch, FailedEvent, FullPass
from penstock.core.convert import convert
from penstock.core.failpoints import hit
from penstock.core.load import Deletes, WriteMode
from penstock.core.mapping import Column, Left, Mapping
from penstock.core.stream import ReadMode, Stream
from penstock.core.types import normal
from penstock.core.widen import widen
from penstock.engine.changes import Changes, Masks, parted, without_deletes
from penstock.engine.naming import TableNames
from penstock.engine.numbers import beyond_scale, counted_as, is_rounded, misfit_code
from penstock.engine.set_aside import emptied, key_text, raw_events, sidelined
from penstock.engine.task import StreamPlan, Task

NO_TABLE = "the event type has no table"


@dataclass(frozen=True)
class Mapped:
    """Rows ready to be staged.

    Args:
        rows: table columns in destination names, then system and staging columns.
        keys: key columns (destination names) of everything that was read, failed events
            included as far as their key is known; None outside complete passes.
        failed: events set aside so far, in any stage.
        blind: rows of a complete read went without a look at their keys.
    """

    batch: Batch
    rows: pa.RecordBatch | None
    keys: pa.RecordBatch | None
    failed: tuple[FailedEvent, ...]
    filtered: int = 0
    created: int = 0
    blind: bool = False

    @property
    def full_pass(self) -> FullPass | None:
        return self.batch.full_pass


class Mapper:
    """Maps the batches of one stream, and evolves the mapping as fields appear or widen."""

    def __init__(self, task: Task, plan: StreamPlan) -> None:
        self._task = task
        self._plan = plan
        self._limit = task.destination.capabilities.max_columns - _slots(task, plan)
        self._names = TableNames(task, plan.event_type, plan.stream.ours)
        self._dropped: set[str] = set()
        self._rounded: set[str] = set()
        self._seq = 0
        self._masks = Masks()
        self._dirty = False
        self._seen_unmapped = False
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
            return mapping.leaving(*_unloaded(self._plan.stream.schema, NO_TABLE))
        return saved

    def map(self, batch: Batch) -> Mapped:
        """One batch; rows whose key is null or whose values do not fit join `failed`."""
        if self.mapping.skipped:
            return self._skipped(batch)
        if batch.rows is None:
            return unmapped(batch)
        if self._plan.deletes is Deletes.IGNORE:
            batch = without_deletes(batch)
        batch, changes = parted(batch)
        assert batch.rows is not None
        if not self.mapping.table:
            return self._sidelined(batch, changes)
        self._evolve(batch.rows)
        keys = self._keys(batch) if batch.full_pass is not None else None
        if batch.full_pass is not None and batch.full_pass.keys_only:
            return Mapped(batch, None, keys, ())
        columns, bad = self._convert(batch, batch.rows)
        ready = self._with_system_columns(batch, changes, columns)
        failed: list[FailedEvent] = list(batch.failed)
        if bad:
            failed += self._set_aside(batch, changes, bad, ready)
            ready = ready.filter(_all_but(sorted(bad), ready.num_rows))
        hit("map.after")
        counts = batch.counts
        return Mapped(
            batch, ready, keys, tuple(failed),
            counts.get("filtered", 0), counts.get("created", 0),
        )  # fmt: skip

    def _skipped(self, batch: Batch) -> Mapped:
        """The user wants none of these events: they are counted and gone."""
        if batch.full_pass is not None and batch.full_pass.keys_only:
            return Mapped(batch, None, None, (), blind=True)
        batch, gone = emptied(batch)
        filtered = batch.counts.get("filtered", 0) + gone
        return Mapped(batch, None, None, (), filtered, batch.counts.get("created", 0), blind=True)

    def _sidelined(self, batch: Batch, changes: Changes) -> Mapped:
        """No table takes these events: they wait among the failed ones, and their fields are
        learned, so that a table can be proposed."""
        assert batch.rows is not None
        if batch.full_pass is not None and batch.full_pass.keys_only:
            return Mapped(batch, None, None, ())
        learned = self.mapping.leaving(*_unloaded(batch.rows.schema, NO_TABLE))
        self._dirty |= learned is not self.mapping
        self.mapping = learned
        plan, counts = self._plan, batch.counts
        waiting = sidelined(batch, changes, plan.event_type, plan.key, self._seq)
        self._seq += len(waiting)
        if waiting and not self._seen_unmapped:
            self._seen_unmapped = True
            self._task.warn(plan.stream.name, _unmapped_words(plan.event_type, self._task.pipeline))
        return Mapped(
            batch, None, None, (*batch.failed, *waiting),
            counts.get("filtered", 0), counts.get("created", 0),
        )  # fmt: skip

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
                self._drop(field.name, why)
                left.append(Left(field.name, field.type, why))
                continue
            used.add(name)
            columns.append(Column(field.name, name, pa.field(name, normal(field))))
        return mapping.with_columns(tuple(columns)).leaving(*left)

    def _drop(self, field: str, why: str) -> None:
        if field not in self._dropped:
            self._dropped.add(field)
            self._task.warn(self._plan.stream.name, f"Field {field!r} is not loaded: {why}.")

    def _evolve(self, rows: pa.RecordBatch) -> None:
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
        for field in new:
            item = self.mapping.unloaded(field.name)
            if item is None or not item.ignored:
                self._drop(field.name, why)
        learned = self.mapping.leaving(*_unloaded(new, why))
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

    def _convert(
        self, batch: Batch, rows: pa.RecordBatch
    ) -> tuple[dict[str, pa.Array], dict[int, FailedEvent]]:
        """Columns in the mapping's types, and the rows that cannot go on (by index)."""
        columns: dict[str, pa.Array] = {}
        bad: dict[int, FailedEvent] = {}
        for column in self.mapping.columns:
            at = rows.schema.get_field_index(column.field)
            if at < 0:
                continue
            field = rows.schema.field(at)
            done = convert(rows.column(at), field, column.type)
            columns[column.name] = done.array
            # Only where columns do not widen: digits would be rounded away without a word.
            for marks in (done.bad, beyond_scale(rows.column(at), column.type.type)):
                for index in _true_at(marks) if marks is not None else ():
                    code = misfit_code(field.type, column.type.type)
                    bad.setdefault(index, self._failure(code, column.field))
        for name in self.mapping.key:
            missing = batch.row_ids if name == metadata.ID else columns.get(name)
            indices = (
                range(rows.num_rows)
                if missing is None
                else _true_at(pc.is_null(missing))
                if missing.null_count
                else ()
            )
            for index in indices:
                bad.setdefault(index, self._failure("NULL_IN_PRIMARY_KEY", name))
        return columns, bad

    def _failure(self, code: str, field: str) -> FailedEvent:
        reason = {
            "INCOMPATIBLE_TYPE": f"The value of {field!r} does not fit its column.",
            "NUMERIC_OUT_OF_RANGE": f"The number in {field!r} has more digits than its column.",
            "NULL_IN_PRIMARY_KEY": f"The key field {field!r} has no value.",
        }[code]
        return FailedEvent(self._plan.stream.name, "SCHEMA_MAPPING", code, reason, "")

    def _set_aside(
        self, batch: Batch, changes: Changes, bad: dict[int, FailedEvent], ready: pa.RecordBatch
    ) -> Iterator[FailedEvent]:
        """Complete the failed events with their raw form, order and key."""
        assert batch.rows is not None
        seq = ready.column(metadata.SEQ)
        by_id = self.mapping.key == metadata.GENERATED_KEY
        rows = batch.rows.take(pa.array(sorted(bad), pa.int64()))
        raw = raw_events(rows, [changes.fields_left_out(index) for index in sorted(bad)])
        there = rows.select([name for name in self._plan.key if name in rows.schema.names])
        keys = there.to_pylist()
        for at, (index, event) in enumerate(sorted(bad.items())):
            row_id = batch.row_ids[index].as_py() if batch.row_ids is not None else None
            key = [row_id] if by_id else [keys[at].get(field) for field in self._plan.key]
            yield replace(
                event,
                raw=raw[at],
                key=key_text(key),
                ingested_at=batch.ingested_at,
                seq=seq[index].as_py(),
                event_type=self._plan.event_type,
                attempt=batch.attempt,
                op=changes.op[index].as_py(),
                row_id=row_id,
                shaped=batch.shaped,
            )

    def _keys(self, batch: Batch) -> pa.RecordBatch | None:
        """Key columns of all rows of a pass, as the destination stores them."""
        assert batch.rows is not None
        if self.mapping.key == metadata.GENERATED_KEY:
            ids = batch.row_ids
            return None if ids is None else pa.RecordBatch.from_arrays([ids], [metadata.ID])
        arrays: list[pa.Array] = []
        fields: list[pa.Field] = []
        for column in self.mapping.columns:
            if column.name not in self.mapping.key:
                continue
            at = batch.rows.schema.get_field_index(column.field)
            if at < 0:
                return None
            done = convert(batch.rows.column(at), batch.rows.schema.field(at), column.type)
            arrays.append(done.array)
            fields.append(column.type)
        if not arrays or len(arrays) != len(self.mapping.key):
            return None
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))

    def _with_system_columns(
        self, batch: Batch, changes: Changes, columns: dict[str, pa.Array]
    ) -> pa.RecordBatch:
        assert batch.rows is not None
        n = batch.rows.num_rows
        types = {column.name: column.type for column in self.mapping.columns}
        arrays = list(columns.values())
        fields = [types[name] for name in columns]
        for field, array in (
            *self._system(batch, changes, n),
            *self._masks.columns(changes, self.mapping.columns, n),
        ):
            fields.append(field)
            arrays.append(array)
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))

    def _system(
        self, batch: Batch, changes: Changes, n: int
    ) -> Iterator[tuple[pa.Field, pa.Array]]:
        stream = self._plan.stream
        yield (
            pa.field(metadata.INGESTED_AT, pa.int64()),
            _constant(batch.ingested_at, n, pa.int64()),
        )
        if stream.modified_field is not None:
            yield (
                pa.field(metadata.SOURCE_MODIFIED_AT, pa.int64()),
                _epoch_ms(batch.rows, stream.modified_field, n),
            )
        if stream.reports_deletes:
            yield (
                pa.field(metadata.DELETED, pa.bool_()),
                pc.equal(changes.op, "D"),
            )
        if self.mapping.key == metadata.GENERATED_KEY:
            ids = batch.row_ids if batch.row_ids is not None else pa.nulls(n, pa.string())
            yield pa.field(metadata.ID, pa.string()), ids
        yield pa.field(metadata.OP, pa.string()), changes.op
        yield (
            pa.field(metadata.SEQ, pa.int64()),
            pa.arange(self._seq, self._seq + n),
        )
        self._seq += n
        hints = batch.hints if batch.hints is not None else _constant(0, n, pa.uint8())
        yield pa.field(metadata.HINT, pa.uint8()), hints


def unmapped(batch: Batch) -> Mapped:
    """A batch without rows."""
    counts = batch.counts
    filtered, created = counts.get("filtered", 0), counts.get("created", 0)
    return Mapped(batch, None, None, batch.failed, filtered, created)


def _unloaded(fields: Iterable[pa.Field], why: str) -> Iterator[Left]:
    for field in fields:
        yield Left(field.name, normal(field), why)


def _empty(rows: pa.RecordBatch, field: pa.Field) -> bool:
    """Whether a field has no value in these rows (pipelines.md 12.2, row 14)."""
    return bool(rows.column(field.name).null_count == rows.num_rows)


def _unmapped_words(event_type: str, pipeline: str) -> str:
    name = shlex.quote(pipeline)
    return (
        f"Events of {event_type} are set aside: auto mapping is off, and they have no table. They "
        f"are loaded once they have one: penstock mapping map {name} {shlex.quote(event_type)}"
    )


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


def table_schema(schema: pa.Schema, *, keep_op: bool) -> pa.Schema:
    """The columns of a staged file that belong to the table."""
    staging = {metadata.SEQ, metadata.HINT} if keep_op else metadata.STAGING_COLUMNS
    return pa.schema(
        [f for f in schema if f.name not in staging and not metadata.is_left_out(f.name)]
    )


def _constant(value: Any, n: int, kind: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), n)


def _epoch_ms(rows: pa.RecordBatch | None, field: str, n: int) -> pa.Array:
    """The change time in the source as epoch ms; null where the row has none."""
    assert rows is not None
    at = rows.schema.get_field_index(field)
    if at < 0 or not pa.types.is_timestamp(rows.schema.field(at).type):
        return pa.nulls(n, pa.int64())
    return rows.column(at).cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64())


def _true_at(mask: pa.Array) -> list[int]:
    indices: list[int] = pc.indices_nonzero(mask).to_pylist()
    return indices


def _all_but(indices: list[int], n: int) -> pa.Array:
    mask = bytearray(b"\x01") * n
    for index in indices:
        mask[index] = 0
    return pc.cast(pa.array(mask, pa.uint8()), pa.bool_())
