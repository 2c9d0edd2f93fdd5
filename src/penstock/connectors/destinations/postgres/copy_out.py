"""Rows of a SELECT as Arrow, by COPY: no Python code for a row's values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pyarrow as pa
import pyarrow.csv as pcsv

from penstock.core.types import is_json
from penstock.sdk.sql.engine import as_batch

_BLOCK_BYTES: Final = 4 << 20


def copied_out(
    cursor: psycopg.Cursor[Any], sql: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Batches of about 4 MB of text; each message of the server is one whole row."""
    held: list[bytes | bytearray | memoryview] = []
    size = 0
    with cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)".encode()) as copy:
        for row in copy:
            held.append(row)
            size += len(row)
            if size >= _BLOCK_BYTES:
                yield _parsed(b"".join(held), schema)
                held, size = [], 0
    if held:
        yield _parsed(b"".join(held), schema)


def _parsed(block: bytes, schema: pa.Schema) -> pa.RecordBatch:
    # Places, not names: names may be any text.
    labels = [str(at) for at in range(len(schema))]
    types = {
        label: pa.string() if is_json(field) else field.type
        for label, field in zip(labels, schema, strict=True)
    }
    table = pcsv.read_csv(
        pa.BufferReader(block),
        pcsv.ReadOptions(column_names=labels, block_size=len(block) + 1, use_threads=False),
        pcsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        # An empty field is null, an empty text is "".
        pcsv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True,
            quoted_strings_can_be_null=False, true_values=["t"], false_values=["f"],
        ),
    )  # fmt: skip
    return as_batch([column.chunk(0) for column in table.columns], schema)
