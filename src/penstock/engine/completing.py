"""Values that a log left out of rows whose history is still being read: decision 0027."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import metadata
from penstock.core.batch import PER_ROW, Batch
from penstock.engine.task import Task
from penstock.sdk.source import ReadContext


def completed(task: Task, batch: Batch, context: ReadContext) -> Batch:
    """The batch with values that its log left out, asked for by key in the source.

    As long as a table's history is read, the row that has them may not be stored yet; and when
    it comes, it is older than the change, and ignored. What is asked for now is the value after
    the change or a later one, which the log brings as well. A row that is gone by now stays as it
    is: the log goes on to its delete.
    """
    if batch.rows is None or batch.op != PER_ROW or batch.stream not in task.unread:
        return batch
    key = task.plans[batch.stream].key
    at = batch.rows.schema.get_field_index(metadata.LEFT_OUT)
    if at < 0 or not key or not set(key) <= set(batch.rows.schema.names):
        return batch
    out = dict(zip(_names(batch.rows.column(at)), batch.rows.column(at).flatten(), strict=True))
    lacking = pc.and_(_any(list(out.values())), pc.not_equal(_column(batch, metadata.OP), "D"))
    if not pc.any(lacking).as_py():
        return batch
    rows = batch.rows.select(list(key)).filter(lacking)
    found = task.source.rows_of(task.plans[batch.stream].stream, rows, context)
    if found is None:
        return batch
    there = _Found(found, key)
    return replace(batch, rows=_filled(batch.rows, key, out, there)) if there.count else batch


class _Found:
    """Rows of the source by their keys."""

    def __init__(self, batches: Iterator[Batch], key: Sequence[str]) -> None:
        some = [batch.rows for batch in batches if batch.rows is not None and batch.num_rows]
        self._rows = pa.Table.from_batches(some[:1]) if some else None
        for rows in some[1:]:
            assert self._rows is not None
            more = pa.Table.from_batches([rows])
            self._rows = pa.concat_tables([self._rows, more], promote_options="permissive")
        self._places = {values: at for at, values in enumerate(keys_of(self._rows, key))}

    @property
    def count(self) -> int:
        return len(self._places)

    def places(self, rows: pa.RecordBatch, key: Sequence[str]) -> pa.Array:
        """Where the row of each key is; null where there is none."""
        return pa.array([self._places.get(values) for values in keys_of(rows, key)], pa.int64())

    def values(self, name: str, kind: pa.DataType, places: pa.Array) -> pa.Array | None:
        """A column in the order of `places`; None where it is of another type by now."""
        if self._rows is None or name not in self._rows.schema.names:
            return None
        column = self._rows.column(name).combine_chunks()
        return column.take(places) if column.type == kind else None


def keys_of(
    rows: pa.Table | pa.RecordBatch | None, key: Sequence[str]
) -> Iterator[tuple[object, ...]]:
    """Keys as tuples, row by row."""
    if rows is None:
        return iter(())
    return zip(*(rows.column(name).to_pylist() for name in key), strict=True)


def _filled(
    rows: pa.RecordBatch, key: Sequence[str], out: dict[str, pa.Array], found: _Found
) -> pa.RecordBatch:
    places = found.places(rows, key)
    there = places.is_valid()
    marks: list[pa.Array] = []
    for name, lacks in out.items():
        at = rows.schema.get_field_index(name)
        field = rows.schema.field(at) if at >= 0 else None
        values = found.values(name, field.type, places) if field is not None else None
        if field is None or values is None:
            marks.append(lacks)
            continue
        given = pc.and_(lacks, there)
        rows = rows.set_column(at, field, _chosen(given, values, rows.column(at)))
        marks.append(pc.and_(lacks, pc.invert(there)))
    at = rows.schema.get_field_index(metadata.LEFT_OUT)
    masks = pa.StructArray.from_arrays(marks, list(out))
    return rows.set_column(at, rows.schema.field(at), masks)


def _chosen(where: pa.Array, values: pa.Array, others: pa.Array) -> pa.Array:
    """`values` where the mask says so; of any type, which `if_else` is not for."""
    own = pa.arange(0, len(others))
    both = pa.concat_arrays([others, values])
    return both.take(pc.if_else(where, pc.add(own, len(others)), own))


def _names(masks: pa.StructArray) -> list[str]:
    return [field.name for field in masks.type]


def _column(batch: Batch, name: str) -> pa.Array:
    assert batch.rows is not None
    return batch.rows.column(name)


def _any(masks: Sequence[pa.Array]) -> pa.Array:
    one, *others = masks
    for other in others:
        one = pc.or_(one, other)
    return one
