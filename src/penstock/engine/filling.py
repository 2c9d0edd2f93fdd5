"""Values that a log left out, taken from the row of the same key before it in the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penstock.core import metadata
from penstock.core.metadata import LEFT_OUT_BITS, is_left_out, left_out_column
from penstock.engine.changes import bits_of
from penstock.engine.files import read_columns, rewrite


def fill(files: Sequence[Path], key: Sequence[str], columns: Sequence[str]) -> dict[str, int]:
    """Fill what can be filled from rows of the package itself; returns what is still left out.

    Of each key the rows count in the order of `(_ps_ingested_at, _ps_seq)`. In memory are the
    columns concerned, and only when that can change them.

    Args:
        key: names of the key's columns; empty when no row can give another a value.
        columns: names by bit.

    Returns:
        Bits by column name; a mask that has no bit any more leaves the files.
    """
    names = {name for file in files for name in pq.read_schema(file).names}
    masks = set(filter(is_left_out, names))
    if not masks:
        return {}
    masked = _left_out(files, columns)
    # Of a column that no file has, no row of the package has a value to give.
    there = {name: place for name, place in masked.items() if name in names}
    if masks == _masks_of(masked) and not (there and key):
        return masked
    order = (metadata.INGESTED_AT, metadata.SEQ)
    tables = [read_columns(file, [*key, *order, *there, *sorted(masks)]) for file in files]
    table = pa.concat_tables(tables, promote_options="default")
    left = dict(masked)
    if there and key:
        table, still = _filled(table, key, there)
        left = {n: place for n, place in masked.items() if n in still or n not in there}
    changed = table.select([*there, *sorted(_masks_of(left))]).combine_chunks()
    start = 0
    for file, part in zip(files, tables, strict=True):
        _replace(file, changed.slice(start, part.num_rows))
        start += part.num_rows
    return left


def _replace(file: Path, changed: pa.Table) -> None:
    """Put these columns in the place of the file's, and leave out all other masks."""

    def replaced(rows: pa.RecordBatch, at: int) -> pa.RecordBatch:
        new = changed.slice(at, rows.num_rows)
        names = [
            name for name in rows.schema.names
            if not is_left_out(name) or name in changed.schema.names
        ]  # fmt: skip
        columns = [
            _whole(new.column(name)) if name in changed.schema.names else rows.column(name)
            for name in names
        ]
        return pa.RecordBatch.from_arrays(columns, schema=pa.schema(map(rows.schema.field, names)))

    rewrite(file, replaced)


def _left_out(files: Sequence[Path], columns: Sequence[str]) -> dict[str, int]:
    """Columns of which some row lacks the value, by a look at the masks alone."""
    found: dict[str, int] = {}
    for file in files:
        masks = [name for name in pq.read_schema(file).names if is_left_out(name)]
        table = read_columns(file, masks)
        for place, name in enumerate(columns):
            there = left_out_column(place // LEFT_OUT_BITS) in masks
            if there and name not in found and pc.any(bits_of(table, place)).as_py():
                found[name] = place
    return found


def _masks_of(places: Mapping[str, int]) -> set[str]:
    return {left_out_column(place // LEFT_OUT_BITS) for place in places.values()}


def _filled(
    table: pa.Table, key: Sequence[str], masked: dict[str, int]
) -> tuple[pa.Table, dict[str, int]]:
    """The table with values from earlier rows in, and the columns that still lack some."""
    order, starts = _chains(table, key)
    back = pc.sort_indices(order)
    places = pa.array(range(table.num_rows), pa.int64())
    left: dict[str, int] = {}
    for name, place in masked.items():
        out = _whole(pc.take(bits_of(table, place), order))
        # In each chain the last place that has a value; before the first one there is none.
        known = pc.fill_null_forward(pc.if_else(out, pa.scalar(None, pa.int64()), places))
        found = pc.fill_null(pc.greater_equal(known, starts), False)
        taken = pc.take(pc.if_else(found, pc.take(order, known), order), back)
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), pc.take(table.column(at), taken))
        still = pc.take(pc.and_(out, pc.invert(found)), back)
        table = _marked(table, place, still)
        if pc.any(still).as_py():
            left[name] = place
    return table, left


def _chains(table: pa.Table, key: Sequence[str]) -> tuple[pa.Array, pa.Array]:
    """Rows in order of key and time; and for each place in it the place where its key begins."""
    by = [*key, metadata.INGESTED_AT, metadata.SEQ]
    order = pc.sort_indices(table.select(by), sort_keys=[(name, "ascending") for name in by])
    order = order.cast(pa.int64())
    n = table.num_rows
    changed: Any = None
    for name in key:
        column = _whole(pc.take(table.column(name), order))
        differs = pc.not_equal(column.slice(1), column.slice(0, n - 1))
        changed = differs if changed is None else pc.or_(changed, differs)
    begins = pa.concat_arrays([pa.array([True]), changed])
    places = pa.array(range(n), pa.int64())
    starts = pc.fill_null_forward(pc.if_else(begins, places, pa.scalar(None, pa.int64())))
    return order, starts


def _marked(table: pa.Table, place: int, out: pa.Array) -> pa.Table:
    """The table with one bit of its masks as it is now."""
    word, bit = divmod(place, LEFT_OUT_BITS)
    at = table.schema.get_field_index(left_out_column(word))
    mask = pc.fill_null(table.column(at), 0)
    value = pa.scalar(1 << bit, pa.int64())
    cleared = pc.bit_wise_and(mask, pc.bit_wise_not(value))
    mask = pc.add(cleared, pc.multiply(out.cast(pa.int64()), value))
    return table.set_column(at, table.schema.field(at), mask)


def _whole(column: Any) -> pa.Array:
    """A column in one piece."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
