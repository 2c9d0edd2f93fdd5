"""What has to be known of a load's rows before they go straight into their table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penstock.core.batch import Hint
from penstock.core.load import TableLoad, WriteMode
from penstock.core.metadata import DELETED, HINT, OP

_NO_SPAN: Final = (None, None)


@dataclass(frozen=True)
class Facts:
    """Of all rows of a load together."""

    plain: bool
    """Each is a version of its own, with a value in every column of its key."""
    deletes: int
    span: tuple[int, int] | None = None
    """Least and greatest key, where that is one whole number."""

    def tombstones(self, load: TableLoad, existing: pa.Schema) -> int:
        """Rows that count as deleted rather than inserted, as in every other load."""
        merging = load.mode is WriteMode.MERGE and load.key
        return self.deletes if merging and DELETED in existing.names else 0


def facts(load: TableLoad) -> Facts:
    """Read from a few columns of the files."""
    plain, deletes = True, 0
    ends: list[int] = []
    for file in load.files:
        rows = read_columns(file, [*load.key, OP, HINT])
        known = not any(rows.column(name).null_count for name in load.key)
        greatest = pc.max(rows.column(HINT)).as_py() or 0
        plain = plain and known and greatest == int(Hint.VERSION)
        deletes += pc.sum(pc.equal(rows.column(OP), "D")).as_py() or 0
        ends += [end for end in _span(rows, load.key) if end is not None]
    return Facts(plain, int(deletes), (min(ends), max(ends)) if ends else None)


def read_columns(file: Path, names: Sequence[str]) -> pa.Table:
    """These columns of a file; nulls where it lacks one."""
    with pq.ParquetFile(file) as opened:
        rows = opened.read(columns=list(names))
    for name in names:
        if name not in rows.schema.names:
            rows = rows.append_column(name, pa.nulls(rows.num_rows))
    return rows.select(names)


def _span(rows: pa.Table, key: Sequence[str]) -> tuple[int | None, int | None]:
    if len(key) != 1 or not pa.types.is_integer(rows.schema.field(key[0]).type):
        return _NO_SPAN
    ends = pc.min_max(rows.column(key[0])).as_py()
    return ends["min"], ends["max"]
