"""Keep one row per key in the files of a package: the newest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import metadata
from penstock.core.batch import Hint
from penstock.engine.files import read_columns, rewrite

_ORDER = (metadata.HINT, metadata.INGESTED_AT, metadata.SEQ)


def collapse(files: list[Path], key: Sequence[str]) -> int:
    """Drop all but the newest row of each key; returns how many rows went.

    Newest is the greatest `(_ps_ingested_at, _ps_seq)`; a placeholder loses against any
    full row. Only key columns are held in memory; files without such rows are not touched.
    """
    columns = [read_columns(file, [*key, *_ORDER]) for file in files]
    rows = sum(table.num_rows for table in columns)
    if rows < 2:
        return 0
    table = pa.concat_tables([item.select([*key, *_ORDER]) for item in columns])
    if table.select(list(key)).group_by(list(key)).aggregate([]).num_rows == rows:
        return 0
    keep = _newest(table, key)
    start = 0
    for file, part in zip(files, columns, strict=True):
        _filter(file, keep.slice(start, part.num_rows))
        start += part.num_rows
    dropped: int = rows - pc.sum(keep).as_py()
    return dropped


def all_differ(keys: Sequence[pa.RecordBatch]) -> bool:
    """Whether no key comes twice; False, too, when that cannot be told without the files.

    Nearly every package is so, and to see it in memory saves reading its files.
    """
    if not keys or any(not batch.schema.equals(keys[0].schema) for batch in keys):
        return False
    table = pa.Table.from_batches(keys)
    if table.num_columns == 1:
        column = table.column(0)
        # Tables come in the order of their key, or their parts do: seen without counting.
        if _in_order_apart(column.chunks):
            return True
        return bool(pc.count_distinct(column, mode="all").as_py() == table.num_rows)
    groups = table.group_by(table.column_names, use_threads=False).aggregate([])
    return bool(groups.num_rows == table.num_rows)


def _in_order_apart(batches: Sequence[pa.Array]) -> bool:
    """Whether values rise inside of each batch, and no two batches reach into each other.

    So it is for a table whose parts are read side by side. False when there are nulls.
    """
    spans = []
    for values in batches:
        if not len(values):
            continue
        rises = pc.less(values[:-1], values[1:])
        if values.null_count or not pc.all(rises, min_count=0).as_py():
            return False
        spans.append((values[0].as_py(), values[-1].as_py()))
    spans.sort()
    return all(last < first for (_, last), (first, _) in pairwise(spans))


def _newest(table: pa.Table, key: Sequence[str]) -> pa.Array:
    """A mask over the rows: true for the newest of each key."""
    full = pc.not_equal(table.column(metadata.HINT), pa.scalar(Hint.PLACEHOLDER, pa.uint8()))
    places = pa.array(range(table.num_rows), pa.int64())
    table = table.append_column("_full", full).append_column("_at", places)
    if not _is_ordered(table):
        by = ("_full", metadata.INGESTED_AT, metadata.SEQ)
        table = table.sort_by([(name, "ascending") for name in by])
    last = table.group_by(list(key), use_threads=False).aggregate([("_at", "last")])
    return pc.is_in(places, last.column("_at_last"))


def _is_ordered(table: pa.Table) -> bool:
    """Whether the newest row of each key is its last: so it is for the rows of one read."""
    if not pc.all(table.column("_full")).as_py():
        return False
    for name, follows in ((metadata.INGESTED_AT, pc.greater_equal), (metadata.SEQ, pc.greater)):
        column = table.column(name)
        if not pc.all(follows(column.slice(1), column.slice(0, len(column) - 1))).as_py():
            return False
    return True


def _filter(file: Path, keep: pa.Array) -> None:
    """Leave the rows of the mask in the file."""
    if not pc.all(keep).as_py():
        rewrite(file, lambda rows, at: rows.filter(keep.slice(at, rows.num_rows)))
