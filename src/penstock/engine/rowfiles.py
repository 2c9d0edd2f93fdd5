"""Rows of an open part: gathered to row groups, each of them a file that is whole."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.engine.files import GROUP_BYTES, GROUP_ROWS, STYLE


@dataclass(frozen=True)
class RowFile:
    """A file as it was written: what is on disk after a crash may be less."""

    path: Path
    size: int
    crc: int

    @property
    def is_whole(self) -> bool:
        """Whether the disk holds these bytes."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return False
        return len(data) == self.size and zlib.crc32(data) == self.crc


class RowFiles:
    """Writes batches of one part into Parquet files of one row group each.

    A file is written at once when its rows are there, so a crash finds each of them whole or
    not at all, unlike one file that grows and has its footer last.
    """

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder = folder
        self._prefix = prefix
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0
        self._count = 0
        self._told = 0
        self.files: list[RowFile] = []
        self.told_from: int | None = None
        """The first record that tells of rows which are in no file yet."""

    def untold(self, record: int) -> list[pa.RecordBatch]:
        """Batches, of one schema, that are in no file yet and that no record tells of before
        this one."""
        found = self._waiting[self._told :]
        if found and not self._told:
            self.told_from = record
        self._told = len(self._waiting)
        return found

    def write(self, batch: pa.RecordBatch) -> None:
        if self._waiting and not self._waiting[0].schema.equals(batch.schema):
            self.flush()
        self._waiting.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        table = pa.Table.from_batches(self._waiting)
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, **STYLE)
        data = sink.getvalue()
        path = self._folder / f"{self._prefix}-{self._count:04d}.parquet"
        path.write_bytes(data)
        self._count += 1
        self.files.append(RowFile(path, len(data), zlib.crc32(data)))
        self._forget()

    def drop(self) -> None:
        """Remove all rows so far."""
        for file in self.files:
            file.path.unlink()
        self.files = []
        self._forget()

    def _forget(self) -> None:
        self._waiting, self._rows, self._bytes = [], 0, 0
        self._told, self.told_from = 0, None
