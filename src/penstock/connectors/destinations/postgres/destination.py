"""PostgreSQL: every load is one transaction on the server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa

from penstock.connectors.destinations.postgres.catalogue import (
    has_unique_index,
    primary_key,
)
from penstock.connectors.destinations.postgres.check import check_steps
from penstock.connectors.destinations.postgres.config import Config
from penstock.connectors.destinations.postgres.copy import CopyRows, copy_rows
from penstock.connectors.destinations.postgres.copy_out import copied_out
from penstock.connectors.destinations.postgres.dialect import PostgresDialect, text_limit, text_type
from penstock.connectors.destinations.postgres.errors import translate, translate_connect
from penstock.connectors.destinations.postgres.nul import without_nul
from penstock.connectors.destinations.postgres.stopping import StatementStopper
from penstock.connectors.destinations.postgres.straight import Straight
from penstock.connectors.destinations.postgres.swap import swap
from penstock.connectors.destinations.postgres.tx import PostgresTx
from penstock.connectors.destinations.postgres.upsert import upsert
from penstock.core import metadata
from penstock.core.cards import Card
from penstock.core.errors import Interrupted, PenstockError
from penstock.core.load import TableLoad, WriteMode
from penstock.core.types import is_json, json_array
from penstock.sdk.destination import Capabilities
from penstock.sdk.source import Step
from penstock.sdk.sql import StagedDestination, Tx
from penstock.sdk.sql.engine import SWEEP_KEYS
from penstock.sdk.sql.ledger import Ledger
from penstock.sdk.sql.merge import Counts, merge
from penstock.sdk.sql.staged import STAGED_ROWS
from penstock.sdk.sql.target import Target
from penstock.sdk.sql.tx import one


class Postgres(StagedDestination):
    """Rows that are new go by COPY into their table, others into a temporary one and from there."""

    dialect = PostgresDialect()
    capabilities = Capabilities(
        modes=frozenset(WriteMode),
        atomic_package=True,
        table_limit=63,
        column_limit=63,
        name_unit="bytes",
        max_columns=1600,
        server=True,
        # https://www.postgresql.org/docs/current/ddl-system-columns.html
        reserved_columns=frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}),
    )

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config
        self._connection: psycopg.Connection[Any] | None = None
        self._cancel: threading.Event | None = None
        self._prepared = False
        self._straight = Straight(self.dialect)
        self.instants = config.metadata_instants
        self.ledger_book = Ledger(f"{self.dialect.ident(config.schema_)}.", "text")

    @property
    def identity(self) -> str:
        return f"postgres:{self._config.identity}"

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        connection = self._connected()
        tx = PostgresTx(connection)
        try:
            with connection.transaction():
                if not self._prepared:
                    self._prepare_schema(tx)
                yield tx
            self._prepared = True
        except psycopg.Error as error:
            raise self._translated(error) from error

    @contextmanager
    def looking(self) -> Iterator[Tx | None]:
        connection = self._connected()
        try:
            with connection.transaction():
                connection.execute("SET TRANSACTION READ ONLY")
                yield PostgresTx(connection)
        except psycopg.Error as error:
            raise self._translated(error) from error

    def qualified(self, table: str) -> str:
        return f"{self.dialect.ident(self._config.schema_)}.{self.dialect.ident(table)}"

    def columns(self, tx: Tx, table: str) -> pa.Schema | None:
        found = tx.rows(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a "
            "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = ? AND c.relname = ? AND c.relkind IN ('r', 'p') "
            "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            [self._config.schema_, table],
        )
        fields = [self.dialect.column(name, kind) for name, kind in found]
        return pa.schema(fields) if fields else None

    @contextmanager
    def rows_of(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> Iterator[str]:
        with super().rows_of(tx, load, existing) as rows:
            self._make_room(tx, load, existing)
            if load.key:
                # The planner knows nothing of a table that was made a moment ago.
                keys = ", ".join(self.dialect.ident(name) for name in load.key)
                tx.run(f"ANALYZE {STAGED_ROWS} ({keys})")
            yield rows

    def copy_in(
        self,
        tx: Tx,
        table: str,
        fields: Sequence[pa.Field],
        files: Sequence[Path],
        key: Sequence[pa.Field],  # noqa: ARG002
    ) -> None:
        assert isinstance(tx, PostgresTx)
        lines = ", ".join(
            f"{self.dialect.ident(f.name)} {self.dialect.type_name(f)}" for f in fields
        )
        tx.run(f"CREATE TEMPORARY TABLE {table} ({lines}) ON COMMIT DROP")
        rows = CopyRows(files, fields)
        copy_rows(tx, f"pg_temp.{table}", rows)
        self.warnings += rows.warnings

    def insert_new(self, tx: Tx, load: TableLoad, place: str, existing: pa.Schema) -> Counts | None:
        assert isinstance(tx, PostgresTx)
        target = Target(self.dialect, load, self.qualified(place), "", existing)
        done = self._straight.insert(tx, target)
        if done is None:
            return None
        self.warnings += done[1]
        return done[0]

    def merge_rows(self, tx: Tx, target: Target) -> Counts:
        """By one upsert where the key has a unique index; else by a join, alone at the table."""
        if has_unique_index(tx, target.table, target.load.key):
            return upsert(tx, target)
        tx.run(f"LOCK TABLE {target.table} IN SHARE ROW EXCLUSIVE MODE")
        return merge(tx, target)

    def add_index(self, table: str, key: Sequence[str]) -> list[str]:
        columns = ", ".join(self.dialect.ident(name) for name in key)
        return [f"CREATE INDEX ON {self.qualified(table)} ({columns})"] if key else []

    def drop_key(self, tx: Tx, table: str, key: Sequence[str]) -> list[str]:
        place, ident = self.qualified(table), self.dialect.ident
        found = primary_key(tx, place)
        if found is None or set(found[1]) != set(key):
            return []
        return [f"ALTER TABLE {place} DROP CONSTRAINT {ident(found[0])}"]

    def swap(self, tx: Tx, table: str, shadow: str) -> None:
        swap(self, tx, table, shadow)

    def keys_of(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> None:
        super().keys_of(tx, load, existing)
        tx.run(f"ANALYZE {SWEEP_KEYS}")

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        with self.transaction() as tx:
            assert isinstance(tx, PostgresTx)
            cursor = tx.execute(sql, parameters, json_as_text=True)
            names = [column.name for column in cursor.description or ()]
            rows = cursor.fetchall()
        columns = list(zip(*rows, strict=True)) if rows else [() for _ in names]
        return pa.table({name: list(values) for name, values in zip(names, columns, strict=True)})

    def batches(self, tx: Tx, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        assert isinstance(tx, PostgresTx)
        with tx.connection.cursor() as cursor:
            yield from copied_out(cursor, sql, schema)

    def stored(self, column: pa.Array) -> pa.Array:
        if pa.types.is_string(column.type):
            return without_nul(column, json=False)
        if is_json(column.type):
            return json_array(without_nul(column.storage, json=True))
        return column

    def check(self) -> Iterator[Step]:
        yield from check_steps(self, self._config)

    def login(self) -> None:
        """Connect, where that has not been done yet.

        Raises:
            AuthError, TransientError, ConfigError: the server cannot be reached, or refuses.
        """
        self._connected()

    def stop_with(self, cancel: threading.Event) -> None:
        super().stop_with(cancel)
        self._cancel = cancel

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _prepare_schema(self, tx: Tx) -> None:
        if self.columns(tx, metadata.LEDGER) is not None:
            return
        schema = self._config.schema_
        # Jobs that begin at the same moment wait for the one that makes these.
        tx.rows("SELECT pg_advisory_xact_lock(hashtext(?))", [f"penstock {schema}"])
        # Asked first: CREATE SCHEMA needs a right even where there is nothing to create.
        if not tx.rows("SELECT 1 FROM pg_namespace WHERE nspname = ?", [schema]):
            tx.run(f"CREATE SCHEMA IF NOT EXISTS {self.dialect.ident(schema)}")
        self.prepare(tx)

    def _make_room(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> None:
        """Lengthen columns of limited text that somebody made, when a longer value comes."""
        if load.fixed:
            return
        table = self.qualified(self.place(tx, load.table, load.generation))
        for field in load.schema:
            limit = text_limit(existing.field(field.name))
            if limit is None or not pa.types.is_string(field.type):
                continue
            name = self.dialect.ident(field.name)
            longest = one(tx, f"SELECT max(length({name})) FROM pg_temp.{STAGED_ROWS}") or 0
            if longest <= limit:
                continue
            kind = text_type(longest)
            if self._tried(tx, f"ALTER TABLE {table} ALTER {name} TYPE {kind}"):
                self.warnings.append(
                    f"The column {field.name} of {load.table} was too short for a value: "
                    f"it was varchar({limit}) and is {kind} now."
                )

    def _tried(self, tx: Tx, statement: str) -> bool:
        """Run a change that may be refused: a view depends on the column, or it is not ours."""
        assert isinstance(tx, PostgresTx)
        try:
            with tx.connection.transaction():
                tx.run(statement)
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.InsufficientPrivilege):
            return False
        return True

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        config = self._config
        try:
            connection = psycopg.connect(**config.connection(), autocommit=True)
            settings = config.session()
            calls = ", ".join(["set_config(%s, %s, false)"] * len(settings))
            connection.execute(f"SELECT {calls}".encode(), [*chain(*settings.items())])
        except psycopg.Error as error:
            raise translate_connect(error, config.identity, config.user, config.database) from error
        self._connection = connection
        if self._cancel is not None:
            StatementStopper(connection, self._cancel).start()
        return connection

    def _translated(self, error: psycopg.Error) -> PenstockError:
        if (
            isinstance(error, psycopg.errors.QueryCanceled)
            and self._cancel
            and self._cancel.is_set()
        ):
            return Interrupted("The job was stopped while a statement ran.")
        config = self._config
        return translate(error, config.identity, config.user, config.schema_)


def open(card: Card, config: Config) -> Postgres:  # noqa: A001, ARG001 (the registry's word)
    """Called by the registry; connects when it is needed."""
    return Postgres(config)
