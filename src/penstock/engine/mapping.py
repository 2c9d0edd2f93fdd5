"""Map rows of a stream to rows of its table: names, types, keys, system columns."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import metadata
from penstock.core.batch import Batch, FailedEvent, FullPass
from penstock.core.convert import convert
from penstock.core.failpoints import hit
from penstock.core.load import Deletes
from penstock.core.mapping import Mapping
from penstock.engine.changes import Changes, Masks, parted, without_deletes
from penstock.engine.evolving import Evolving
from penstock.engine.numbers import beyond_scale, misfit_code
from penstock.engine.set_aside import emptied, key_text, raw_events, sidelined
from penstock.engine.task import StreamPlan, Task


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
    """Maps the batches of one stream; its mapping evolves as fields appear or widen."""

    def __init__(self, task: Task, plan: StreamPlan) -> None:
        self._task = task
        self._plan = plan
        self._evolving = Evolving(task, plan)
        self._seq = 0
        self._masks = Masks()
        self._seen_unmapped = False

    @property
    def mapping(self) -> Mapping:
        """As it is after the rows so far."""
        return self._evolving.mapping

    def save(self) -> None:
        """Keep the mapping before the first package that needs it is closed."""
        self._evolving.save()

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
        self._evolving.evolve(batch.rows)
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
        self._evolving.learn(batch.rows)
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


def _unmapped_words(event_type: str, pipeline: str) -> str:
    name = shlex.quote(pipeline)
    return (
        f"Events of {event_type} are set aside: auto mapping is off, and they have no table. They "
        f"are loaded once they have one: penstock mapping map {name} {shlex.quote(event_type)}"
    )


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
