"""A MySQL or MariaDB server, read as lines of CSV."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

from pymysql.err import Error, ProgrammingError

from penstock.connectors.sources.mysql import catalogue
from penstock.connectors.sources.mysql.checking import steps
from penstock.connectors.sources.mysql.config import Config
from penstock.connectors.sources.mysql.rows.query import QueryRows
from penstock.connectors.sources.mysql.sessions import Sessions, is_mariadb
from penstock.connectors.sources.mysql.transactions import horizon
from penstock.connectors.sources.mysql.types import Definition
from penstock.connectors.sources.mysql.words import MySqlColumn, MySqlWords
from penstock.core import metadata
from penstock.core.errors import ConfigError, ObjectFailed
from penstock.sdk.source import SourceStats, Step
from penstock.sdk.sql.reading import Blocks, Column, Horizon, Rows, Server, Table

_SNAPSHOT: Final = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
_SAMPLE_ROWS: Final = 20_000


class MySqlServer(Server):
    """Connections are kept for reuse; a read has one of its own while it goes on."""

    origin = metadata.DATABASE

    def __init__(self, config: Config) -> None:
        self.words = MySqlWords()
        self.stats = SourceStats()
        self._config = config
        self.sessions = Sessions(config, self.identity)
        self._mutex = threading.Lock()
        self._warned: set[tuple[str, ...]] = set()
        self.unlogged: frozenset[tuple[str, str]] = frozenset()
        """What the catalogue has and the log cannot have: views, and tables whose old rows are
        kept beside the new ones (system versioning), which the log does not tell apart."""

    @property
    def identity(self) -> str:
        return f"mysql:{self._config.identity}"

    @property
    def cancel(self) -> threading.Event | None:
        return self.sessions.cancel

    @cancel.setter
    def cancel(self, event: threading.Event | None) -> None:
        self.sessions.cancel = event

    def check(self) -> Iterator[Step]:
        return steps(self, self._config)

    def catalogue(self) -> list[Table]:
        where = catalogue.databases(self._config.database)
        with self._session() as connection:
            found, columns, indexes = (
                _rows(connection, question.format(databases=where))
                for question in (catalogue.TABLES, catalogue.COLUMNS, catalogue.INDEXES)
            )
            json = catalogue.json_columns(self._json_checks(connection))
        by_table = catalogue.definitions(columns, json)
        self.unlogged = frozenset((row[0], row[1]) for row in found if row[2] != "BASE TABLE")
        return catalogue.tables(found, by_table, indexes, self._config.choices)

    def definitions(self) -> dict[tuple[str, str], list[Definition]]:
        """Columns of every table, as the catalogue has them now."""
        where = catalogue.databases(self._config.database)
        with self._session() as connection:
            columns = _rows(connection, catalogue.COLUMNS.format(databases=where))
            json = catalogue.json_columns(self._json_checks(connection))
        return catalogue.definitions(columns, json)

    def query_table(self, name: str, query: str) -> Table:
        # A comment may end the query, and a semicolon would end the statement.
        origin = f"({query.strip().rstrip(';')}\n) q"
        try:
            with self._session() as connection, connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {origin} LIMIT 0")
                columns = catalogue.query_columns(cursor._result.fields, self._config.choices)
        except ObjectFailed as error:
            raise ConfigError(
                f"The query cannot be read as a table: {error.message}",
                hint="Try it as `select * from (your query) q limit 0`.",
                code="source.query",
            ) from error
        return Table("", name, columns, origin, kind="query")

    def read(
        self, sql: str, columns: Sequence[Column], *, cancel: threading.Event, blocks: Blocks
    ) -> Iterator[Rows]:
        return self.read_after(begin_snapshot, sql, columns, cancel=cancel, blocks=blocks)

    def read_after(
        self,
        begin: Callable[[Any], None],
        sql: str,
        columns: Sequence[Column],
        *,
        cancel: threading.Event,
        blocks: Blocks,
    ) -> Iterator[Rows]:
        """`read` in the transaction that `begin` makes in its connection."""
        known = [item for item in columns if isinstance(item, MySqlColumn)]
        with self._session() as connection:
            begin(connection)
            rows = QueryRows(connection, sql, known, blocks)
            try:
                with self.sessions.stopped_by(cancel, connection), closing(rows.pieces()) as pieces:
                    for piece in pieces:
                        self._count(piece.size)
                        yield replace(piece, warnings=self._warnings(sql, rows.zero_dates))
                        if cancel.is_set():
                            return
            except Error:
                if cancel.is_set():
                    return
                raise
            _run(connection, "COMMIT")

    def scalar(self, sql: str) -> Any:
        row = self.row(sql)
        return row[0] if row else None

    def row(self, sql: str) -> Any:
        """The first row, None when there is none."""
        with self._session() as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()

    def horizon(self) -> Horizon:
        with self._session() as connection:
            return horizon(connection, self._config.late_commit_window)

    def cuts(self, table: Table, column: Column, parts: int) -> list[str]:
        """Equal ranges of whole numbers; of others quantiles of a sample of the index."""
        name = self.words.ident(column.name)
        if column.is_integer:
            low, high = self.row(f"SELECT MIN({name}), MAX({name}) FROM {table.origin}")
            if low is None:
                return []
            values = {low + (high - low + 1) * at // parts for at in range(1, parts)}
            return [str(value) for value in sorted(values) if value > low]
        if table.kind != "table" or not table.rows:
            return []
        share = min(_SAMPLE_ROWS / table.rows, 1.0)
        sql = self.words.select(
            (column,), table.origin, (f"{name} IS NOT NULL", f"RAND() < {share:.9f}"), (column,)
        )
        sample: list[str] = []
        for rows in self.read(sql, (column,), cancel=threading.Event(), blocks=Blocks(1 << 20)):
            sample += [self.words.text(value, column) for value in rows.batch[0].to_pylist()]
        cuts = [sample[len(sample) * at // parts] for at in range(1, parts)] if sample else []
        return list(dict.fromkeys(cuts))

    def close(self) -> None:
        self.sessions.close()

    def _warnings(self, sql: str, zero_dates: Mapping[str, int]) -> tuple[str, ...]:
        """Said once for each column."""
        place = sql[: sql.find(" WHERE ")] if " WHERE " in sql else sql
        with self._mutex:
            new = [name for name in zero_dates if (place, name) not in self._warned]
            self._warned.update((place, name) for name in new)
        return tuple(f"Zero dates in {name} were read as null." for name in new)

    def _session(self) -> Any:
        with self._mutex:
            self.stats.calls += 1
        return self.sessions.one()

    def _count(self, size: int) -> None:
        with self._mutex:
            self.stats.bytes_read += size

    def _json_checks(self, connection: Any) -> list[Any]:
        """MySQL has a type of its own for JSON; MariaDB before 10.2.22 shows no checks."""
        if not is_mariadb(connection):
            return []
        where = catalogue.databases(self._config.database, "t.constraint_schema")
        try:
            return _rows(connection, catalogue.JSON_CHECKS.format(checked=where))
        except ProgrammingError:
            return []


def begin_snapshot(connection: Any) -> None:
    """A transaction that sees what is committed now, and nothing later."""
    _run(connection, _SNAPSHOT)


def _rows(connection: Any, sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _run(connection: Any, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
