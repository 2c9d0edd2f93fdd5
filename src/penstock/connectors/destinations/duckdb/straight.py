"""Rows of which none is stored yet: straight into their table, without a join, decision 0034."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core.batch import Hint
from penstock.core.load import Deletes, TableLoad, WriteMode
from penstock.sdk.sql.merge import Counts
from penstock.sdk.sql.target import HINT, OP, Target
from penstock.sdk.sql.tx import Tx

# Parts of a table that are read at once each have a range of their own in a load.
_PIECES = 64
_RANGES = 8
# A difference of two keys has to be a whole number of 64 bits, too.
_WIDEST = 2**62


def suits(load: TableLoad) -> bool:
    """Whether rows of this load can be inserted as they are, should no key be stored."""
    return load.mode is WriteMode.MERGE and bool(load.key) and not load.left_out


def new_rows(tx: Tx, target: Target) -> Counts | None:
    """What inserting all rows will have done; None when a key may be stored, or a row is no
    version of its own.

    A key of one whole number is compared with the table by its least and greatest: of a read
    in the order of the key, DuckDB looks at no row of the table, only at the bounds that it
    keeps of each group.
    """
    load, keys = target.load, target.key
    whole = len(keys) == 1 and pa.types.is_integer(target.existing.field(load.key[0]).type)
    ends = f"min({keys[0]}), max({keys[0]})" if whole else "NULL, NULL"
    known = " AND ".join(f"{key} IS NOT NULL" for key in keys)
    ((rows, plain, gone, first, last),) = tx.rows(
        f"SELECT count(*), count(*) FILTER (WHERE {HINT} = {int(Hint.VERSION)} AND {known}), "
        f"count(*) FILTER (WHERE {OP} = 'D'), {ends} FROM {target.source} s"
    )
    if plain != rows or (gone and load.deletes is Deletes.HARD):
        return None
    if not _beyond(tx, target, first, last):
        return None
    deleted = gone if target.has_deleted else 0
    return Counts(inserted=rows - deleted, deleted=deleted)


def _beyond(tx: Tx, target: Target, first: int | None, last: int | None) -> bool:
    """Whether no key of the table lies where keys of the load do."""
    if first is None or last is None:
        return not tx.rows(f"SELECT 1 FROM {target.table} LIMIT 1")
    if not _stored(tx, target, [(first, last)]):
        return True
    return not _stored(tx, target, _ranges(tx, target, first, last))


def _stored(tx: Tx, target: Target, ranges: Sequence[tuple[int, int]]) -> bool:
    within = " OR ".join(f"{target.key[0]} BETWEEN {first} AND {last}" for first, last in ranges)
    return bool(tx.rows(f"SELECT 1 FROM {target.table} WHERE {within} LIMIT 1"))


def _ranges(tx: Tx, target: Target, first: int, last: int) -> list[tuple[int, int]]:
    """A few ranges that hold all keys of the load, split where the gaps are widest."""
    key, width = target.key[0], (last - first) // _PIECES + 1
    if last - first > _WIDEST:
        return [(first, last)]
    pieces = tx.rows(
        f"SELECT min({key}), max({key}) FROM {target.source} s "
        f"GROUP BY ({key}::BIGINT - {first}) // {width} ORDER BY 1"
    )
    gaps = [(after[0] - before[1], at) for at, (before, after) in enumerate(pairwise(pieces))]
    ends = sorted(at for _, at in sorted(gaps, reverse=True)[: _RANGES - 1])
    starts = [0, *(at + 1 for at in ends)]
    return [
        (pieces[start][0], pieces[end][1])
        for start, end in zip(starts, [*ends, len(pieces) - 1], strict=True)
    ]


def row_bytes(load: TableLoad) -> float:
    """Bytes of a row before compression, as the first file has them."""
    groups = pq.read_metadata(load.files[0])
    size: int = sum(groups.row_group(at).total_byte_size for at in range(groups.num_row_groups))
    return size / max(int(groups.num_rows), 1)
