"""Read the two ends of one object into a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import metadata
from penstock.core.batch import Batch, Hint
from penstock.core.checkpoint import Checkpoint
from penstock.core.digest import KeyBuckets, Part
from penstock.core.load import WriteMode
from penstock.core.mapping import Column, Mapping
from penstock.core.stream import Split
from penstock.engine.extract import context
from penstock.engine.mapping import Mapper
from penstock.engine.task import StreamPlan, Task
from penstock.engine.verify.forms import comparable, comparable_type, finite, unsigned_zero
from penstock.sdk.destination import TableRead


@dataclass(frozen=True)
class SourceRows:
    """Rows of the source in comparable columns.

    Args:
        gone: the source says that they are deleted.
        behind: no job has read them yet.
        partial: marks rows of which only the key is known; None when there are none.
    """

    rows: pa.Table
    gone: bool = False
    behind: bool = False
    partial: pa.Array | None = None


def _gone(task: Task, plan: StreamPlan, mapping: Mapping) -> list[Column]:
    if not task.source.whole_schema:
        return []
    fields = plan.stream.schema.names
    return [column for column in mapping.columns if column.field not in fields]


def in_fields(part: Part, mapping: Mapping) -> Part:
    """A part in the source's words: names of fields for those of columns."""
    if not isinstance(part, KeyBuckets):
        return part
    fields = {column.name: column.field for column in mapping.columns}
    return replace(part, columns=tuple((fields[name], form) for name, form in part.columns))


class Sides:
    """One object's rows at both ends, in the columns that both have.

    Args:
        mapping: of the object, as the last job left it.
        stored: columns of its table, in the types of `Destination.returned`.
        checkpoint: where the last job came to, None when it does not matter.
    """

    def __init__(
        self, task: Task, plan: StreamPlan, mapping: Mapping, stored: pa.Schema,
        checkpoint: Checkpoint | None,
    ) -> None:  # fmt: skip
        self._task, self._plan, self._mapping = task, plan, mapping
        self._stored = stored
        self._key = frozenset(mapping.key)
        self._checkpoint = checkpoint
        self.refused: set[str] = set()
        """Keys of rows that a job would set aside as failed events, parts joined by ":"."""
        self.nameless = 0
        """Such rows without a key."""
        gone = _gone(task, plan, mapping)
        self.gone = tuple(column.name for column in gone)
        """Columns whose fields the source has no more: the table keeps old values."""
        known = [c.name for c in mapping.columns if c.name in stored.names and c not in gone]
        if mapping.key == metadata.GENERATED_KEY:
            known = [metadata.ID, *known]
        self.columns = tuple(known)
        self.lost = tuple(c.name for c in mapping.columns if c.name not in stored.names)
        """Columns of the mapping that the table has no more."""
        self.schema = pa.schema(
            [pa.field(name, comparable_type(stored.field(name).type)) for name in known]
        )

    def source(self, part: Part = ()) -> Iterator[SourceRows]:
        """Rows as they are in the source now, mapped as a job would map them."""
        stream = self._plan.stream
        told = context(self._task, Split(stream.name, (stream.name,)))
        mapper = Mapper(self._task, self._plan)
        for batch in self._task.source.current(stream, told, in_fields(part, self._mapping)):
            for some, behind in self._parted(batch):
                yield from self._mapped(mapper, some, behind)

    def destination(self, part: Part = ()) -> Iterator[pa.Table]:
        wanted = TableRead(
            self._mapping.table, self.columns, self._mapping.key, part,
            newest=self._plan.mode is WriteMode.APPEND and bool(self._mapping.key),
        )  # fmt: skip
        for batch in self._task.destination.read(wanted):
            yield self._compared(batch, batch.schema)

    def keys_of(self, rows: pa.RecordBatch) -> pa.Table:
        """Keys of rows as the source gives them; the other columns are null."""
        names = {column.field: column.name for column in self._mapping.columns}
        key = [at for at, field in enumerate(rows.schema) if names.get(field.name) in self._key]
        found = rows.select(key).rename_columns([names[rows.schema.field(at).name] for at in key])
        return self._compared(found, found.schema)

    def _parted(self, batch: Batch) -> Iterator[tuple[Batch, bool]]:
        """The batch with those of its rows that a job has read, and with those it has not."""
        rows = batch.rows
        late = None
        if rows is not None and rows.num_rows and self._checkpoint is not None:
            late = self._task.source.unread(self._plan.stream, self._checkpoint, rows)
        if rows is None or late is None or not pc.any(late).as_py():
            yield replace(batch, ingested_at=1), False
            return
        for mask, behind in ((pc.invert(late), False), (late, True)):
            yield replace(
                batch, rows=rows.filter(mask), ingested_at=1, failed=() if behind else batch.failed,
                hints=batch.hints.filter(mask) if batch.hints is not None else None,
                row_ids=batch.row_ids.filter(mask) if batch.row_ids is not None else None,
            ), behind  # fmt: skip

    def _mapped(self, mapper: Mapper, batch: Batch, behind: bool) -> Iterator[SourceRows]:
        mapped = mapper.map(batch)
        rows = mapped.rows
        self.refused.update(event.key for event in mapped.failed if event.key is not None)
        self.nameless += sum(event.key is None for event in mapped.failed)
        if rows is None or not rows.num_rows:
            return
        types = pa.schema(
            [f if f.name == metadata.ID else mapper.mapping.schema.field(f.name)
             for f in rows.schema if f.name in self.schema.names]
        )  # fmt: skip
        hints = pc.equal(rows.column(metadata.HINT), int(Hint.PLACEHOLDER))
        partial = hints if pc.any(hints).as_py() else None
        yield SourceRows(self._compared(rows, types), batch.op == "D", behind, partial)

    def _compared(self, rows: pa.RecordBatch, given: pa.Schema) -> pa.Table:
        """Columns in the order and types of `schema`; those that the rows lack are null."""
        arrays = []
        for field in self.schema:
            at = rows.schema.get_field_index(field.name)
            if at < 0:
                arrays.append(pa.nulls(rows.num_rows, field.type))
                continue
            stored = self._stored.field(field.name).type
            column = self._task.destination.stored(rows.column(at))
            if not self._task.destination.capabilities.nonfinite:
                column = finite(column)
            if not self._task.destination.capabilities.signed_zero:
                column = unsigned_zero(column)
            arrays.append(comparable(column, given.field(field.name).type, stored))
        return pa.table(arrays, schema=self.schema)
