"""Staged Parquet rows on their way to the server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penstock.connectors.destinations.mysql.lines import Lines
from penstock.connectors.destinations.mysql.texts import ColumnTexts, travels_as
from penstock.core.errors import Interrupted
from penstock.core.types import logical, normal

_ROWS: Final = 20_000
# Rows of many or long columns go in smaller parts; offsets in a column have 32 bits.
_BYTES: Final = 32 << 20


class CopyRows:
    """Rows of files as lines, some thousand at a time; counted and measured on the way.

    Args:
        columns: what the rows have; columns that a file lacks are null.
        measured: columns whose longest value is wanted, and whether in bytes, not characters.
        cancel: stops between two parts.
    """

    def __init__(
        self,
        files: Sequence[Path],
        columns: Sequence[pa.Field],
        lines: Lines,
        measured: Mapping[str, bool] | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self._files = files
        self._columns = [(f.name, normal(travels_as(f))) for f in columns]
        self._lines = lines
        self._texts = ColumnTexts()
        self._cancel = cancel
        self.rows = 0
        self._measured = dict(measured or {})
        self.longest = dict.fromkeys(self._measured, 0)
        """Characters, or bytes, of the longest value."""

    def __iter__(self) -> Iterator[pa.BinaryArray]:
        """Arrays with one value for each row."""
        for path in self._files:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_ROWS):
                    yield from self._parts(batch)

    @property
    def warnings(self) -> tuple[str, ...]:
        return self._texts.warnings

    def _parts(self, batch: pa.RecordBatch) -> Iterator[pa.BinaryArray]:
        if self._cancel is not None and self._cancel.is_set():
            raise Interrupted("The job was stopped while rows were sent.")
        if batch.nbytes > _BYTES and batch.num_rows > 1:
            half = batch.num_rows // 2
            yield from self._parts(batch.slice(0, half))
            yield from self._parts(batch.slice(half))
            return
        self.rows += batch.num_rows
        yield self._lines.rows([self._column(batch, *column) for column in self._columns])

    def _column(self, batch: pa.RecordBatch, name: str, kind: pa.DataType) -> pa.BinaryArray:
        at = batch.schema.get_field_index(name)
        if at < 0 or kind == pa.null():
            return pa.nulls(batch.num_rows, pa.binary())
        text = self._texts.text(batch.column(at), name, kind)
        if name in self.longest:
            in_bytes = self._measured[name]
            sizes = pc.binary_length(text) if in_bytes else pc.utf8_length(text.cast(pa.string()))
            self.longest[name] = max(self.longest[name], pc.max(sizes).as_py() or 0)
        return self._lines.value(text, logical(kind))
