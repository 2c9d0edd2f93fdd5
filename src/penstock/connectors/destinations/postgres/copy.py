"""Staged Parquet rows on their way into a COPY."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penstock.connectors.destinations.postgres.binary.rows import SIGNATURE, TRAILER, encoded
from penstock.connectors.destinations.postgres.nul import REPLACEMENT, without_nul
from penstock.connectors.destinations.postgres.tx import PostgresTx
from penstock.core.convert import convert
from penstock.core.errors import DataError
from penstock.core.types import JSON, Logical, json_array, logical, normal

_ROWS: Final = 16_384
_WRITE_BYTES: Final = 1 << 20


def copy_rows(tx: PostgresTx, place: str, rows: CopyRows) -> int:
    """COPY into a table, or into some columns of it; how many rows there are more now."""
    with tx.connection.cursor() as cursor:
        with cursor.copy(f"COPY {place} FROM STDIN (FORMAT binary)".encode()) as copy:
            for chunk in rows:
                # The driver copies what it is given: not all of it at once.
                for at in range(0, len(chunk), _WRITE_BYTES):
                    copy.write(chunk[at : at + _WRITE_BYTES])
        return cursor.rowcount


class CopyRows:
    """Rows of files in the binary format of COPY, some thousand at a time.

    Args:
        columns: what the rows have; columns that a file lacks are NULL.
        last: one value, that of a last column in every row.
    """

    def __init__(
        self, files: Sequence[Path], columns: Sequence[pa.Field], last: pa.Array | None = None
    ) -> None:
        self._files = files
        self._last = last
        self._columns = [(field.name, _travels_as(field)) for field in columns]
        self._names = [field.name for field in columns]
        self._replaced: Counter[str] = Counter()

    def __iter__(self) -> Iterator[bytes | memoryview]:
        yield SIGNATURE
        for path in self._files:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_ROWS, columns=self._names):
                    yield from encoded(self._rows(batch), self._last)
        yield TRAILER

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was changed in values on the way, told after the last row."""
        return tuple(
            f"{count} value{'s' * (count > 1)} of {name} held the character U+0000, which "
            f"PostgreSQL cannot store: U+FFFD ({REPLACEMENT}) stands for it."
            for name, count in self._replaced.items()
        )

    def _rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [self._column(batch, name, kind) for name, kind in self._columns]
        return pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in range(len(arrays))])

    def _column(self, batch: pa.RecordBatch, name: str, kind: pa.DataType) -> pa.Array:
        at = batch.schema.get_field_index(name)
        if at < 0:
            return pa.nulls(batch.num_rows, pa.string())
        array = _converted(batch.column(at), name, kind)
        family = logical(kind)
        if family not in (Logical.STRING, Logical.JSON):
            return array
        is_json = family is Logical.JSON
        text = array.storage if is_json else array
        clean = without_nul(text, json=is_json)
        if clean is text:
            return array
        changed = pc.sum(pc.not_equal(text, clean)).as_py()
        if changed:
            self._replaced[name] += changed
        return json_array(clean) if is_json else clean


def _travels_as(field: pa.Field) -> pa.DataType:
    kind = normal(field)
    return JSON if logical(kind) is Logical.ARRAY else kind


def _converted(array: pa.Array, name: str, kind: pa.DataType) -> pa.Array:
    if array.type == kind:
        return array
    found = convert(array, array.type, kind)
    if found.bad is not None:
        raise DataError(f"A value of {name} does not fit its column.", code="INCOMPATIBLE_TYPE")
    return found.array
