"""Staged Parquet rows as the text that COPY reads: NULL is empty, text is quoted."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from penstock.core.convert import convert
from penstock.core.types import Logical, logical

_ROWS: Final = 5_000
_OPTIONS: Final = pc_csv.WriteOptions(include_header=False, quoting_style="needed")
_PLAIN: Final = frozenset({Logical.BOOLEAN, Logical.BYTE, Logical.SHORT, Logical.INT, Logical.LONG})
_REPLACEMENT: Final = "\ufffd"


def csv_chunks(files: Sequence[Path], columns: Sequence[pa.Field]) -> Iterator[bytes]:
    """CSV of the files' rows, some thousand at a time; columns a file lacks are NULL."""
    for path in files:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS):
                yield _csv(batch, columns)


def _csv(batch: pa.RecordBatch, columns: Sequence[pa.Field]) -> bytes:
    arrays = []
    for field in columns:
        at = batch.schema.get_field_index(field.name)
        arrays.append(
            pa.nulls(batch.num_rows, pa.string()) if at < 0 else _column(batch.column(at))
        )
    table = pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in range(len(arrays))])
    sink = io.BytesIO()
    pc_csv.write_csv(table, sink, _OPTIONS)
    return sink.getvalue()


def _column(array: pa.Array) -> pa.Array:
    """Values in a form that the server reads back exactly."""
    family = logical(array.type)
    if family in _PLAIN:
        return array
    if family is Logical.BYTES:
        return pa.array(
            [None if value is None else "\\x" + value.hex() for value in array.to_pylist()],
            pa.string(),
        )
    text = convert(array, array.type, pa.string()).array
    if family in (Logical.STRING, Logical.JSON, Logical.ARRAY):
        text = _without_nul(text, json=family is not Logical.STRING)
    return text


def _without_nul(text: pa.StringArray, *, json: bool) -> pa.StringArray:
    """U+0000 cannot be stored: U+FFFD stands for it, in JSON also where it is escaped."""
    if pc.any(pc.match_substring(text, "\0"), min_count=0).as_py():
        text = pc.replace_substring(text, "\0", _REPLACEMENT)
    if json and pc.any(pc.match_substring(text, "\\u0000"), min_count=0).as_py():
        # An even number of backslashes before it would make it the text "\\u0000".
        pattern = r"(^|[^\\])((?:\\\\)*)\\u0000"
        for _ in range(2):
            text = pc.replace_substring_regex(text, pattern, r"\1\2" + _REPLACEMENT)
    return text
