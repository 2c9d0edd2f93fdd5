"""A PostgreSQL server, read by COPY."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

import psycopg2

from penstock.connectors.sources.postgres import catalogue
from penstock.connectors.sources.postgres.checking import steps
from penstock.connectors.sources.postgres.config import Config
from penstock.connectors.sources.postgres.copy import CopyOut
from penstock.connectors.sources.postgres.errors import translate, translate_connect
from penstock.connectors.sources.postgres.parse import Parser
from penstock.connectors.sources.postgres.types import Forms
from penstock.connectors.sources.postgres.words import PostgresWords
from penstock.core.errors import ConfigError, Interrupted, ObjectFailed
from penstock.core.stopping import giving_up
from penstock.sdk.source import SourceStats, Step
from penstock.sdk.sql.reading import Blocks, Column, Horizon, Rows, Server, Table

_SAMPLE_ROWS: Final = 20_000
_EPOCH_XIDS: Final = 1 << 32
_HALF_EPOCH: Final = 1 << 31

_CLOCK: Final = """
SELECT floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint, pg_sleep(0.005)
"""
# What is open here: every transaction holds a lock on its virtual id, which everybody may see;
# when it began is shown to its own role and to members of pg_read_all_stats. Vacuum writes no
# rows. Of a prepared transaction nobody knows when it began. A session that has begun a
# statement and has no lock yet is about to begin a transaction with the statement's time; for
# the moment before that can be seen, the clock is read a little earlier.
_HORIZON: Final = """
SELECT {snapshot}::text,
  (SELECT json_object_agg(x.name, x.began) FROM (
    SELECT l.virtualxid AS name, floor(extract(epoch FROM a.xact_start) * 1000)::bigint AS began
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.pid <> pg_backend_pid()
      AND coalesce(a.datname, current_database()) = current_database()
      AND coalesce(a.backend_type, '') NOT IN ('autovacuum worker', 'walsender')
    UNION ALL
    SELECT 'session ' || a.pid || ' ' || a.query_start,
      floor(extract(epoch FROM a.query_start) * 1000)::bigint
    FROM pg_stat_activity a
    WHERE a.state = 'active' AND a.xact_start IS NULL AND a.datname = current_database()
      AND a.pid <> pg_backend_pid() AND a.backend_type <> 'walsender'
    UNION ALL
    SELECT 'prepared ' || p.transaction, NULL FROM pg_prepared_xacts p
    WHERE p.database = current_database()) x)
"""


class PostgresServer(Server):
    """Connections are kept for reuse; a read has one of its own while it goes on."""

    def __init__(self, config: Config) -> None:
        self.words = PostgresWords()
        self.stats = SourceStats()
        self._config = config
        self._free: list[Any] = []
        self._mutex = threading.Lock()
        self._slots = threading.BoundedSemaphore(config.max_source_connections)
        self._forms = Forms(odd_as_text=config.unusual_values == "TEXT", xmin=config.mode == "XMIN")
        self._newest = 0

    @property
    def identity(self) -> str:
        return f"postgres:{self._config.identity}"

    @property
    def forms(self) -> Forms:
        """What is the same for all columns; the server's own part is known after `catalogue`."""
        return self._forms

    def check(self) -> Iterator[Step]:
        return steps(self, self._config)

    def catalogue(self) -> list[Table]:
        patterns = [_like(name) for name in self._config.schemas]
        with self._session() as connection, connection.cursor() as cursor:
            cursor.execute(catalogue.TABLES, {"schemas": patterns})
            found = cursor.fetchall()
            oids = [row[0] for row in found]
            cursor.execute(catalogue.COLUMNS, {"tables": oids})
            columns = cursor.fetchall()
            counted = "indnkeyatts" if connection.server_version >= 110_000 else "indnatts"
            cursor.execute(catalogue.INDEXES.replace("%(keys)s", f"i.{counted}"), {"tables": oids})
            indexes = cursor.fetchall()
            if any(row[3] == "money" for row in columns):
                cursor.execute("SELECT scale('0'::money::numeric)")
                self._forms = replace(self._forms, money_scale=cursor.fetchone()[0])
        return catalogue.tables(found, columns, indexes, self._forms)

    def hidden_tables(self) -> list[str]:
        """Tables of the schemas that this user may not read."""
        return self._names(catalogue.HIDDEN)

    def hidden_schemas(self) -> list[str]:
        """The schemas of those tables."""
        return self._names(catalogue.HIDDEN_SCHEMAS)

    def secured_tables(self) -> list[str]:
        """Tables of which policies may hide rows from this user."""
        return self._names(catalogue.SECURED)

    def _names(self, question: str) -> list[str]:
        patterns = [_like(name) for name in self._config.schemas]
        with self._session() as connection, connection.cursor() as cursor:
            cursor.execute(question, {"schemas": patterns})
            return [row[0] for row in cursor.fetchall()]

    def query_table(self, name: str, query: str) -> Table:
        # A comment may end the query, and a semicolon would end the statement.
        origin = f"({query.strip().rstrip(';')}\n) q"
        try:
            with self._session() as connection, connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {origin} LIMIT 0")
                described = cursor.description
                oids = [item.type_code for item in described]
                cursor.execute(catalogue.TYPES, {"types": oids})
                columns = catalogue.query_columns(described, cursor.fetchall(), self._forms)
        except ObjectFailed as error:
            raise ConfigError(
                f"The query cannot be read as a table: {error.message}",
                hint="Try it as `select * from (your query) q limit 0`.",
                code="source.query",
            ) from error
        names = [item.name for item in columns]
        if twice := sorted({item for item in names if names.count(item) > 1}):
            raise ConfigError(
                f"The query has two columns called {', '.join(twice)}.",
                hint="Give each of its columns a name of its own, with AS.",
                code="source.query",
            )
        return Table("", name, columns, origin, kind="query")

    def read(
        self, sql: str, columns: Sequence[Column], *, cancel: threading.Event, blocks: Blocks
    ) -> Iterator[Rows]:
        with self._session() as connection:
            yield from self._copied(connection, sql, columns, cancel, blocks)

    def read_after(
        self,
        first: Callable[[Any], None],
        sql: str,
        columns: Sequence[Column],
        *,
        cancel: threading.Event,
        blocks: Blocks,
    ) -> Iterator[Rows]:
        """`read` in one transaction with what `first` asks of its cursor: both see one snapshot,
        that of its first query."""
        with self._session() as connection:
            try:
                with connection.cursor() as cursor:
                    cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    first(cursor)
                yield from self._copied(connection, sql, columns, cancel, blocks)
            finally:
                # A connection that is gone has no transaction any more.
                with suppress(psycopg2.Error), connection.cursor() as cursor:
                    cursor.execute("ROLLBACK")

    def _copied(
        self,
        connection: Any,
        sql: str,
        columns: Sequence[Column],
        cancel: threading.Event,
        blocks: Blocks,
    ) -> Iterator[Rows]:
        checked = connection.get_parameter_status("server_encoding") == "SQL_ASCII"
        parser = Parser(columns, check_utf8=checked)
        texts = CopyOut(connection, sql, cancel).blocks(blocks.next_bytes)
        try:
            for block in texts:
                rows = parser.rows(block)
                self._count(rows.size)
                yield rows
                if cancel.is_set():
                    return
        finally:
            texts.close()  # type: ignore[attr-defined]

    def scalar(self, sql: str) -> Any:
        row = self._row(sql)
        return row[0] if row else None

    def _row(self, sql: str) -> Any:
        with self._session() as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()

    def horizon(self) -> Horizon:
        with self._session() as connection, connection.cursor() as cursor:
            new = connection.server_version >= 130_000
            snapshot = "pg_current_snapshot()" if new else "txid_current_snapshot()"
            cursor.execute(_CLOCK)
            clock_ms, _ = cursor.fetchone()
            cursor.execute(_HORIZON.format(snapshot=snapshot))
            token, found = cursor.fetchone()
        self._newest = max(self._newest, _oldest_xid(token))
        return Horizon(clock_ms, found or {}, token)

    def late(self, token: str) -> str | None:
        """By the row's transaction: at or after the oldest one that was under way then.

        Numbers of 32 bits are compared by how old they are; a token from another round of
        them, or of a server that was set back, tells nothing.
        """
        xid = _oldest_xid(token)
        if not 0 <= self._newest - xid < _HALF_EPOCH:
            return "true"
        return f"age(xmin) <= age('{xid % _EPOCH_XIDS}'::xid)"

    def cuts(self, table: Table, column: Column, parts: int) -> list[str]:
        """Equal ranges of whole numbers; of others quantiles of a sample of blocks."""
        name = column.select
        if column.is_integer:
            low, high = self._row(f"SELECT min({name}), max({name}) FROM {table.origin}")
            if low is None:
                return []
            values = {low + (high - low + 1) * at // parts for at in range(1, parts)}
            return [str(value) for value in sorted(values) if value > low]
        if table.kind != "table" or not table.rows:
            return []
        share = min(100.0 * _SAMPLE_ROWS / table.rows, 100.0)
        shares = ", ".join(str(at / parts) for at in range(1, parts))
        ident = self.words.ident(column.name)
        (found,) = self._row(
            f"SELECT (percentile_disc(ARRAY[{shares}]) WITHIN GROUP (ORDER BY {ident}))::text[] "
            f"FROM {table.origin} TABLESAMPLE SYSTEM ({share}) WHERE {ident} IS NOT NULL"
        )
        return list(dict.fromkeys(found or []))

    def close(self) -> None:
        with self._mutex:
            free, self._free = self._free, []
        for connection in free:
            with suppress(psycopg2.Error):
                connection.close()

    def _count(self, size: int) -> None:
        with self._mutex:
            self.stats.bytes_read += size

    @contextmanager
    def _session(self) -> Iterator[Any]:
        """A connection for one statement or a few, in autocommit: no transaction stays open."""
        with self._slots:
            connection = self._connected()
            good = False
            try:
                with giving_up(self.cancel, partial(_give_up, connection)):
                    yield connection
                good = True
            except psycopg2.Error as error:
                if self.cancel is not None and self.cancel.is_set():
                    raise Interrupted("Stopped while a statement ran.") from error
                # After an error of a statement the session is as before; after others it is gone.
                good = not connection.closed and error.pgcode is not None
                raise translate(error, self.identity, self._config.user) from error
            finally:
                if good and not connection.closed:
                    with self._mutex:
                        self._free.append(connection)
                else:
                    with suppress(psycopg2.Error):
                        connection.close()

    def _connected(self) -> Any:
        with self._mutex:
            self.stats.calls += 1
            if self._free:
                return self._free.pop()
        config = self._config
        try:
            connection = psycopg2.connect(**config.connection(), options=config.session())
        except psycopg2.Error as error:
            raise translate_connect(error, config.identity, config.user, config.database) from error
        connection.autocommit = True
        return connection


def _give_up(connection: Any) -> None:
    with suppress(psycopg2.Error):
        connection.cancel()


def _like(pattern: str) -> str:
    """A pattern as in a shell, for LIKE."""
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern)
    return escaped.replace("*", "%").replace("?", "_")


def _oldest_xid(token: str) -> int:
    """Of a snapshot's text, `xmin:xmax:xip_list`: the oldest transaction still under way."""
    return int(token.partition(":")[0])
