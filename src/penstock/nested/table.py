"""Columns of one event type while a strategy fills them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.convert import convert
from penstock.core.types import is_json
from penstock.core.widen import common
from penstock.nested.node import Places
from penstock.nested.ways import Steps


@dataclass
class Table:
    """Rows of the events themselves, or of the children of one array.

    Args:
        rows: how many.
        origin: int64, for each row the root event that it belongs to, never falling.
        index: of children their `_ps_array_index` as a path; None for the events themselves.
        columns: by path, in order of first appearance; a path may have got several columns,
            of which each row has a value in one at most.
    """

    rows: int
    origin: pa.Array
    index: pa.StringArray | None = None
    columns: dict[Steps, list[pa.Array]] = field(default_factory=dict)

    def put(self, path: Steps, values: pa.Array, at: Places) -> None:
        """Values of a path for some rows; nothing where all are null."""
        if values.null_count < len(values):
            self.columns.setdefault(path, []).append(at.spread(values))

    def arrays(self) -> dict[Steps, pa.Array]:
        """One column for each path."""
        return {path: one_of(columns) for path, columns in self.columns.items()}

    def below(self, at: Places, lengths: pa.Array) -> Table:
        """The table of the items of arrays.

        Args:
            at: rows of this one that have an array.
            lengths: of each array.
        """
        parents = at.gathered(pa.arange(0, self.rows)) if at.rows is not None else None
        places = repeated(lengths)
        starts = pc.subtract(pc.cumulative_sum(lengths.cast(pa.int64())), lengths)
        within = pc.subtract(pa.arange(0, len(places)), starts.take(places))
        rows = places if parents is None else parents.take(places)
        index = within.cast(pa.string())
        if self.index is not None:
            index = pc.binary_join_element_wise(self.index.take(rows), index, ".")
        return Table(len(places), self.origin.take(rows), index)


def repeated(lengths: pa.Array) -> pa.Array:
    """0, 1, 2 ..., each as often as the length at its place says."""
    ends = pc.cumulative_sum(lengths.cast(pa.int64()))
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends])
    total = offsets[len(offsets) - 1].as_py()
    lists = pa.LargeListArray.from_arrays(offsets, pa.nulls(total))
    return pc.list_parent_indices(lists)


def one_of(columns: list[pa.Array]) -> pa.Array:
    """Columns of which each row has a value in one at most, as one of a type that holds all."""
    if len(columns) == 1:
        return columns[0]
    target = common(column.type for column in columns)
    found = [convert(column, column.type, target).array for column in columns]
    if is_json(target):
        return pa.ExtensionArray.from_storage(target, pc.coalesce(*(a.storage for a in found)))
    return pc.coalesce(*found)


def counts(origin: pa.Array, total: int) -> pa.Array:
    """int32, how often each of the roots 0 to `total` - 1 occurs among origins in order."""
    if not len(origin):
        return pa.repeat(pa.scalar(0, pa.int32()), total)
    runs = pc.run_end_encode(origin.cast(pa.int64()))
    ends = runs.run_ends.cast(pa.int64())
    before = pa.concat_arrays([pa.array([0], pa.int64()), ends[:-1]])
    spread = Places.of(runs.values, total).spread(pc.subtract(ends, before))
    return pc.fill_null(spread, 0).cast(pa.int32())
