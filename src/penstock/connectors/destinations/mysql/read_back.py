"""Rows of a SELECT as Arrow: the server writes each as a line of CSV, Arrow reads the lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.csv as pcsv
from pymysql.cursors import SSCursor

from penstock.connectors.destinations.mysql.connection import RowsConnection
from penstock.connectors.destinations.mysql.dialect import TOO_LONG, MySqlDialect
from penstock.core.errors import DataError
from penstock.core.types import is_json
from penstock.sdk.sql.engine import as_batch

_BLOCK_BYTES: Final = 4 << 20
_AT_ONCE: Final = 2_000
_QUOTE: Final = "\x0e"
"""Stands around text, and is doubled inside. Not `"`: texts like JSON hold many, and the time that
the server's `REPLACE` takes grows with their number times the length of the text."""


def read_back(
    connection: RowsConnection, dialect: MySqlDialect, sql: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Batches of about 4 MB of text, fetched as they come.

    Raises:
        DataError: a row is longer than a text of the server can be.
    """
    # Not CONCAT_WS, which leaves out what is NULL: a value that is too long makes no line.
    values = ", ',', ".join(_value(dialect, field) for field in schema) or "''"
    held: list[str] = []
    size = 0
    with connection.cursor(SSCursor) as cursor:
        cursor.execute(f"SELECT CONCAT({values}) FROM ({sql}) q")
        while rows := cursor.fetchmany(_AT_ONCE):
            for (line,) in rows:
                if line is None:
                    raise DataError(
                        "A row is longer than max_allowed_packet of the server.",
                        hint="Raise max_allowed_packet there, then run the command again.",
                        code="destination.row_size",
                    )
                held.append(line)
                size += len(line)
            if size >= _BLOCK_BYTES:
                yield _parsed(held, schema)
                held, size = [], 0
    if held:
        yield _parsed(held, schema)


def _value(dialect: MySqlDialect, field: pa.Field) -> str:
    """Null is an empty field, an empty text two quotes; NULL is a value too long for the server."""
    name = dialect.ident(field.name)
    if pa.types.is_string(field.type) or is_json(field):
        text = f"REPLACE(CONVERT({name} USING utf8mb4), '{_QUOTE}', '{2 * _QUOTE}')"
        return (
            f"IF({name} IS NULL, '', CONCAT('{_QUOTE}', NULLIF({text}, '{TOO_LONG}'), '{_QUOTE}'))"
        )
    if pa.types.is_timestamp(field.type) and field.type.tz:
        return f"COALESCE(CONCAT(CAST({name} AS CHAR), '+00'), '')"
    return f"COALESCE(CAST({name} AS CHAR), '')"


def _parsed(lines: list[str], schema: pa.Schema) -> pa.RecordBatch:
    block = "\n".join([*lines, ""]).encode()
    # Places, not names: names may be any text.
    labels = [str(at) for at in range(len(schema))]
    types = {
        label: pa.string() if is_json(field) else field.type
        for label, field in zip(labels, schema, strict=True)
    }
    table = pcsv.read_csv(
        pa.BufferReader(block),
        pcsv.ReadOptions(column_names=labels, block_size=len(block) + 1, use_threads=False),
        pcsv.ParseOptions(
            quote_char=_QUOTE, newlines_in_values=True, ignore_empty_lines=False
        ),
        pcsv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True,
            quoted_strings_can_be_null=False, true_values=["1"], false_values=["0"],
        ),
    )  # fmt: skip
    return as_batch([column.chunk(0) for column in table.columns], schema)
