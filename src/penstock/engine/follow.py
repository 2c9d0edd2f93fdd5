"""What belongs to a row and is no field of it, taken along through a transformation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import metadata
from penstock.core.batch import PER_ROW, Batch
from penstock.core.types import normal
from penstock.engine.changes import Changes
from penstock.engine.task import StreamPlan
from penstock.transforms.events import Events


def events_of(plan: StreamPlan, batch: Batch, changes: Changes) -> Events:
    """The rows of a batch (without what a log says of them) as a transformation sees them.

    Beside the source's fields: the generated id, and of a log's stream whether the row is gone.
    """
    assert batch.rows is not None
    rows = batch.rows
    if batch.row_ids is not None:
        rows = rows.append_column(metadata.ID, batch.row_ids)
    if plan.stream.reports_deletes and batch.op == PER_ROW:
        rows = rows.append_column(metadata.DELETED, pc.equal(changes.op, "D"))
    origin = pa.arange(0, rows.num_rows).cast(pa.int32())
    return Events(plan.event_type, plan.key, rows, origin)


def fields_of(plan: StreamPlan, batch: Batch, made: Events) -> pa.RecordBatch:
    """The user's fields of what a transformation made; those of ours are as they were read."""
    assert batch.rows is not None
    ours = plan.stream.ours
    names, arrays = [], []
    for name, column in zip(made.rows.schema.names, made.rows.columns, strict=True):
        mine = not metadata.is_ours(name) or name in metadata.CHILD_KEY
        if mine and not pa.types.is_null(column.type):
            names.append(name)
            arrays.append(column)
    fields = [pa.field(n, normal(pa.field(n, a.type))) for n, a in zip(names, arrays, strict=True)]
    for name in batch.rows.schema.names:
        if name in ours:
            fields.append(batch.rows.schema.field(name))
            arrays.append(batch.rows.column(name).take(made.origin))
    if not fields:
        empty = pa.array([{}] * len(made.origin), pa.struct([]))
        return pa.RecordBatch.from_struct_array(empty)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def ids_of(batch: Batch, made: Events) -> pa.Array | None:
    """Generated ids: those that the events have, else of the row that each came from.

    Several events of one row that have its id get ids of their own, always the same ones.
    """
    if batch.row_ids is None:
        return None
    ids = batch.row_ids.take(made.origin)
    at = made.rows.schema.get_field_index(metadata.ID)
    if at >= 0 and pa.types.is_string(made.rows.column(at).type):
        ids = pc.coalesce(made.rows.column(at), ids)
    if len(pc.unique(made.origin)) == len(made.origin):
        return ids
    return pa.array(_told_apart(ids.to_pylist(), made.origin.to_pylist()), pa.string())


def _told_apart(ids: Sequence[str | None], origin: Sequence[int]) -> list[str | None]:
    told: list[str | None] = []
    seen: dict[str | None, int] = {}
    before = -1
    for value, row in zip(ids, origin, strict=True):
        if row != before:
            seen, before = {}, row
        number = seen.get(value, 0)
        seen[value] = number + 1
        told.append(f"{value}.{number}" if number and value is not None else value)
    return told


def left_out_of(
    batch: Batch, changes: Changes, made: Events, known: Iterable[str]
) -> pa.StructArray | None:
    """What is left out of what was made of rows of which a log had left something out.

    A field that was left out still is where it was not given a value, nor null. A field that the
    source does not have is left out where it has no value: it may be made of those.

    Args:
        known: fields that events of this type have had.
    """
    if changes.left_out is None:
        return None
    assert batch.rows is not None
    names, marks = [], []
    some: pa.Array | None = None
    for field, child in zip(changes.left_out.type, changes.left_out.flatten(), strict=True):
        out = child.take(made.origin)
        some = out if some is None else pc.or_(some, out)
        names.append(field.name)
        marks.append(pc.and_(out, _unset(made, field.name)))
    read = {*batch.rows.schema.names, *names}
    for name in known:
        if name not in read and not metadata.is_ours(name):
            names.append(name)
            marks.append(pc.and_(some, _unset(made, name)))
    return pa.StructArray.from_arrays(marks, names)


def _unset(made: Events, name: str) -> pa.Array:
    """Where the field has neither a value nor null."""
    at = made.rows.schema.get_field_index(name)
    if at < 0:
        return pa.repeat(pa.scalar(True), len(made.origin))
    empty = pc.is_null(made.rows.column(at))
    null = made.nulls.get(name)
    return empty if null is None else pc.and_(empty, pc.invert(null))


def key_is_kept(plan: StreamPlan, batch: Batch, made: Events) -> bool:
    """Whether every row has the key of the row that it came from, perhaps under other names."""
    if not plan.key or len(plan.key) != len(made.keys):
        return False
    return all(
        _values(batch, old, made.origin) == _made_values(batch, made, new)
        for old, new in zip(plan.key, made.keys, strict=True)
    )


def _values(batch: Batch, field: str, origin: pa.Array) -> pa.Array | None:
    assert batch.rows is not None
    if field == metadata.ID and batch.row_ids is not None:
        return batch.row_ids.take(origin)
    at = batch.rows.schema.get_field_index(field)
    return batch.rows.column(at).take(origin) if at >= 0 else None


def _made_values(batch: Batch, made: Events, field: str) -> pa.Array | None:
    if field == metadata.ID:
        return ids_of(batch, made)
    at = made.rows.schema.get_field_index(field)
    return made.rows.column(at) if at >= 0 else None
