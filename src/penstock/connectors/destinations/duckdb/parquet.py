"""Staged Parquet files in a form that DuckDB reads without losing a digit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core.convert import convert


def listed(files: Sequence[Path]) -> str:
    """A table expression over the files; columns are matched by name."""
    paths = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    return f"read_parquet([{paths}], union_by_name = true)"


@contextmanager
def readable(files: Sequence[Path], schema: pa.Schema) -> Iterator[Sequence[Path]]:
    """The files; with decimals of more than 38 digits, copies that hold their text.

    DuckDB reads such decimals as floats, which would change them in silence.
    """
    wide = [field.name for field in schema if pa.types.is_decimal256(field.type)]
    if not wide:
        yield files
        return
    with tempfile.TemporaryDirectory(prefix="penstock-decimals-") as folder:
        copies = [Path(folder) / f"{number}.parquet" for number in range(len(files))]
        for file, copy in zip(files, copies, strict=True):
            _copy(file, copy, wide)
        yield copies


def _copy(file: Path, copy: Path, wide: Sequence[str]) -> None:
    with pq.ParquetFile(file) as old:
        fields = [
            field.with_type(pa.string()) if field.name in wide else field
            for field in old.schema_arrow
        ]
        schema = pa.schema(fields)
        with pq.ParquetWriter(copy, schema, compression="lz4", use_dictionary=False) as new:
            for batch in old.iter_batches():
                arrays = [
                    convert(batch.column(at), batch.schema.field(at), field).array
                    for at, field in enumerate(fields)
                ]
                new.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
