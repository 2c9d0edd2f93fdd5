"""A query's rows as batches: the quick way, and two slow ones for what it cannot take."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
from pymysql.cursors import SSCursor

from penstock.connectors.sources.mysql.rows.columns import LineParser
from penstock.connectors.sources.mysql.rows.repair import repair
from penstock.connectors.sources.mysql.rows.stream import BLOCK_BYTES, LineStream
from penstock.connectors.sources.mysql.words import MySqlColumn, unbuilt
from penstock.sdk.sql.reading import Blocks, Rows

_SLOW_ROWS: Final = 16
"""Rows past max_allowed_packet are held in memory together; each may be of many megabytes."""


class QueryRows:
    """Reads one query of lines, in blocks of the size that `blocks` tells.

    Rows that the server cannot put into one line (past its max_allowed_packet) come last,
    by a second query: inside of a consistent snapshot it sees the same rows.

    Args:
        sql: as `MySqlWords.select` makes it from the columns.
    """

    def __init__(
        self,
        connection: Any,
        sql: str,
        columns: Sequence[MySqlColumn],
        blocks: Blocks | None = None,
    ) -> None:
        self.schema = pa.schema([pa.field(item.name, item.type) for item in columns])
        self.zero_dates: dict[str, int] = {}
        """By column, how many zero dates became null so far."""
        self._connection = connection
        self._sql = sql
        self._columns = columns
        self._parser = LineParser(self.schema)
        self._stream = LineStream(connection, sql, blocks or Blocks(BLOCK_BYTES))

    @property
    def bytes_read(self) -> int:
        return self._stream.bytes_read

    def pieces(self) -> Generator[Rows, None, None]:
        """All rows; closing it before the end closes the connection."""
        for lines in self._stream:
            try:
                yield Rows(self._parser.parse(lines), size=len(lines))
            except pa.ArrowInvalid:
                yield repair(self._parser, lines, self.zero_dates)
        if self._stream.unbuilt:
            yield from self._unbuilt()

    def _unbuilt(self) -> Iterator[Rows]:
        with self._connection.cursor(SSCursor) as cursor:
            cursor.execute(unbuilt(self._sql, self._columns))
            while rows := cursor.fetchmany(_SLOW_ROWS):
                columns = [
                    self._column(pa.array(values, pa.binary()), item)
                    for values, item in zip(zip(*rows, strict=True), self._columns, strict=True)
                ]
                batch = pa.RecordBatch.from_arrays(columns, schema=self.schema)
                yield Rows(batch, size=batch.nbytes)

    def _column(self, values: pa.BinaryArray, column: MySqlColumn) -> pa.Array:
        return values if column.plain else self._parser.from_text(values, column.type)
