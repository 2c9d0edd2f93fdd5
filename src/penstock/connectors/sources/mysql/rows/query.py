"""A query's rows as batches: the quick way, and two slow ones for what it cannot take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
from pymysql.connections import Connection
from pymysql.cursors import SSCursor

from penstock.connectors.sources.mysql.rows.columns import LineParser
from penstock.connectors.sources.mysql.rows.render import bare, line
from penstock.connectors.sources.mysql.rows.repair import Repaired, repair
from penstock.connectors.sources.mysql.rows.stream import BLOCK_BYTES, LineStream
from penstock.connectors.sources.mysql.types import Choices, Column, Kind, arrow_type, kind

_SLOW_ROWS: Final = 16
"""Rows past max_allowed_packet are held in memory together; each may be of many megabytes."""


@dataclass(frozen=True)
class Query:
    """What to read.

    Args:
        columns: those of the result, in order.
        source: a table expression, e.g. "`shop`.`orders`" or "(select ...) q".
        tail: what follows it: where, order by, limit; may be empty.
    """

    columns: Sequence[Column]
    source: str
    tail: str = ""

    def lines(self, choices: Choices) -> str:
        return f"select {line(self.columns, choices)} from {self.source} {self.tail}"

    def unbuilt(self, choices: Choices) -> str:
        """The rows whose line is too long for the server, column by column."""
        values = ",".join(bare(column, choices) for column in self.columns)
        rows = f"select * from {self.source} {self.tail}"
        return f"select {values} from ({rows}) q where {line(self.columns, choices)} is null"


class QueryRows:
    """Reads one query, in blocks of about `block` bytes, each as a record batch.

    Rows that the server cannot put into one line (past its max_allowed_packet) come last,
    by a second query: inside of a consistent snapshot it sees the same rows.
    """

    def __init__(
        self, connection: Connection[Any], query: Query, choices: Choices, block: int = BLOCK_BYTES
    ) -> None:
        fields = [pa.field(item.name, arrow_type(item, choices)) for item in query.columns]
        self.schema = pa.schema(fields)
        self._connection = connection
        self._query = query
        self._choices = choices
        self._parser = LineParser(self.schema)
        self._stream = LineStream(connection, query.lines(choices), block)

    @property
    def bytes_read(self) -> int:
        return self._stream.bytes_read

    def __iter__(self) -> Iterator[Repaired]:
        for lines in self._stream:
            try:
                yield Repaired(self._parser.parse(lines))
            except pa.ArrowInvalid:
                yield repair(self._parser, lines)
        if self._stream.unbuilt:
            yield from self._unbuilt()

    def _unbuilt(self) -> Iterator[Repaired]:
        with self._connection.cursor(SSCursor) as cursor:
            cursor.execute(self._query.unbuilt(self._choices))
            while rows := cursor.fetchmany(_SLOW_ROWS):
                yield Repaired(self._from_values(rows))

    def _from_values(self, rows: Sequence[Sequence[bytes | None]]) -> pa.RecordBatch:
        columns = [
            self._column(pa.array(values, pa.binary()), item)
            for values, item in zip(zip(*rows, strict=True), self._query.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _column(self, values: pa.BinaryArray, column: Column) -> pa.Array:
        if kind(column, self._choices) is Kind.BYTES:
            return values
        return self._parser.from_text(values, arrow_type(column, self._choices))
