"""Staged Parquet files: written once, read once and soon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.engine.package import sync

GROUP_ROWS: Final = 8_000
GROUP_BYTES: Final = 4 << 20
"""Size of a row group, whichever comes first. With a group per batch of a thousand rows, writing
and reading cost half as much again."""
# Dictionaries and statistics pay for files that are searched; lz4 halves the size for little.
STYLE: Final[dict[str, Any]] = {
    "compression": "lz4",
    "use_dictionary": False,
    "write_statistics": False,
}


class StagedFile:
    """A file that is being written: batches are gathered into row groups."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.schema = schema
        self._writer = pq.ParquetWriter(path, schema, **STYLE)
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what waits and finish the file; again does nothing."""
        if self._writer.is_open:
            self._flush()
            self._writer.close()

    def drop(self) -> None:
        """Let go of a file that nobody will read; its disk may be full."""
        self._waiting = []
        with suppress(OSError):
            self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self.schema))
        self._waiting, self._rows, self._bytes = [], 0, 0


def read_columns(file: Path, names: Sequence[str]) -> pa.Table:
    """Some columns, read one after the other: in parallel the whole file would be fetched."""
    with pq.ParquetFile(file) as opened:
        return opened.read(list(names), use_threads=False)


def rewrite(file: Path, change: Callable[[pa.RecordBatch, int], pa.RecordBatch]) -> None:
    """Write a file anew, with little of it in memory, and swap as `write_whole` does.

    Args:
        change: from some rows, and the number of rows before them, to those that take their place.
    """
    temporary = file.with_name(f"{file.name}.new")
    new: StagedFile | None = None
    rows = 0
    with pq.ParquetFile(file) as old:
        for batch in old.iter_batches(GROUP_ROWS, use_threads=False):
            changed = change(batch, rows)
            new = new or StagedFile(temporary, changed.schema)
            new.write(changed)
            rows += batch.num_rows
    if new is not None:
        new.close()
        sync(temporary)
        temporary.replace(file)


def write_whole(table: pa.Table, file: Path) -> None:
    """Write beside the file and swap: a crash leaves the old file or the new one, never half."""
    temporary = file.with_name(f"{file.name}.new")
    pq.write_table(table, temporary, row_group_size=GROUP_ROWS, **STYLE)
    sync(temporary)
    temporary.replace(file)
