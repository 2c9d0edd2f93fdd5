"""MySQL and MariaDB: every load is one transaction on the server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pymysql

from penstock.connectors.destinations.mysql import columns as made
from penstock.connectors.destinations.mysql import room, straight
from penstock.connectors.destinations.mysql.catalogue import (
    indexed_columns,
    stored_columns,
    unique_indexes,
)
from penstock.connectors.destinations.mysql.check import check_steps
from penstock.connectors.destinations.mysql.config import Config
from penstock.connectors.destinations.mysql.connection import RowsConnection, connect
from penstock.connectors.destinations.mysql.copy import CopyRows
from penstock.connectors.destinations.mysql.dialect import COPY, MySqlDialect
from penstock.connectors.destinations.mysql.errors import (
    NO_LOCAL,
    code_of,
    translate,
    translate_connect,
)
from penstock.connectors.destinations.mysql.lines import InsertLines, LoadLines
from penstock.connectors.destinations.mysql.publish import finish_broken_off, show
from penstock.connectors.destinations.mysql.read_back import read_back
from penstock.connectors.destinations.mysql.session import check_version, is_maria, set_up
from penstock.connectors.destinations.mysql.staging import (
    insert_lines,
    load_data,
    load_lines,
    make_table,
    options,
)
from penstock.connectors.destinations.mysql.stopping import StatementStopper
from penstock.connectors.destinations.mysql.trial import Late, Trial
from penstock.connectors.destinations.mysql.tx import MySqlTx
from penstock.connectors.destinations.mysql.upsert import upsert
from penstock.core import metadata
from penstock.core.cards import Card
from penstock.core.errors import ConfigError, Interrupted, PenstockError
from penstock.core.load import Deletes, TableLoad, WriteMode
from penstock.sdk.destination import Capabilities
from penstock.sdk.source import Step
from penstock.sdk.sql import StagedDestination, Tx
from penstock.sdk.sql.ddl import changes
from penstock.sdk.sql.engine import SWEEP_GROUPS, SWEEP_KEYS
from penstock.sdk.sql.facts import facts
from penstock.sdk.sql.filling import FILLED
from penstock.sdk.sql.history import VERSIONS
from penstock.sdk.sql.ledger import TABLES, Ledger
from penstock.sdk.sql.merge import ACTIONS, Counts, merge
from penstock.sdk.sql.removing import GONE
from penstock.sdk.sql.staged import STAGED_ROWS
from penstock.sdk.sql.sweep import Swept
from penstock.sdk.sql.target import LOADED, Target

_TEMPORARY = (STAGED_ROWS, SWEEP_KEYS, SWEEP_GROUPS, ACTIONS, VERSIONS, FILLED, GONE, COPY)


class MySql(StagedDestination):
    """Rows go into a temporary table first, so that the target is locked briefly."""

    capabilities = Capabilities(
        modes=frozenset(WriteMode),
        table_limit=64,
        column_limit=64,
        max_columns=1017,
        atomic_package=True,
        server=True,
        nonfinite=False,
        signed_zero=False,
    )

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config
        self._connection: RowsConnection | None = None
        self._cancel: threading.Event | None = None
        self._prepared = False
        self._local = config.local_infile
        self._trial: Trial | None = None
        # Tables that every load of this job brought only new keys.
        self._fresh: set[str] = set()
        self._measured: dict[str, bool] = {}
        self._longest: dict[str, int] = {}
        self.dialect: MySqlDialect = MySqlDialect()
        self.instants = config.metadata_instants
        self._learn(maria=True)

    @property
    def identity(self) -> str:
        return f"mysql:{self._config.identity}"

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        with self._session() as tx:
            if not self._prepared:
                self._prepare_database(tx)
                self._prepared = True
            yield tx

    @contextmanager
    def looking(self) -> Iterator[Tx | None]:
        with self._session(commit=False) as tx:
            yield tx

    @contextmanager
    def taken_back(self) -> Iterator[Tx]:
        """Rows are rolled back, and tables that were made for the trial are dropped."""
        trial = self._trial = Trial()
        try:
            with self._session(commit=False) as tx:
                yield tx
        finally:
            self._trial = None
            if trial.tables and self._connection is not None and self._connection.open:
                with self._session() as tx:
                    for table in trial.tables:
                        tx.run(f"DROP TABLE IF EXISTS {self.qualified(table)}")

    def try_load(self, load: TableLoad, before: Sequence[TableLoad] = ()) -> None:
        """As everywhere; what would have to change a table amid the trial does so before it."""
        while True:
            try:
                super().try_load(load, before)
            except Late as late:
                with self._session() as tx:
                    for statement in late.statements:
                        tx.run(statement)
            else:
                return

    def apply_in(self, tx: Tx, load: TableLoad) -> tuple[Counts, Swept]:
        done = super().apply_in(tx, load)
        if self._trial is not None:
            self._trial.wrote = True
        return done

    def qualified(self, table: str) -> str:
        return f"{self.dialect.ident(self._config.database)}.{self.dialect.ident(table)}"

    def columns(self, tx: Tx, table: str) -> pa.Schema | None:
        found = stored_columns(tx, table, maria=self.dialect.maria)
        return pa.schema([self.dialect.column(stored) for stored in found]) if found else None

    def evolve(
        self,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        *,
        mode: WriteMode,
        generation: int = 0,
    ) -> list[str]:
        _check_cases(table, schema.names)
        return super().evolve(table, schema, key, mode=mode, generation=generation)

    @contextmanager
    def rows_of(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> Iterator[str]:
        limits = room.limits(load, existing)
        self._measured = {name: limit.in_bytes for name, limit in limits.items()}
        with super().rows_of(tx, load, existing) as rows:
            place = self.qualified(self.place(tx, load.table, load.generation))
            short = room.too_short(place, load.table, existing, limits, self._longest)
            if short and self._trial is not None and self._trial.wrote and not load.fixed:
                raise Late([column.statement for column in short])
            self.warnings += room.lengthen(tx, place, short, fixed=load.fixed)
            yield rows

    def keys_of(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> None:
        self._measured = {}
        super().keys_of(tx, load, existing)

    def copy_in(
        self,
        tx: Tx,
        table: str,
        fields: Sequence[pa.Field],
        files: Sequence[Path],
        key: Sequence[pa.Field],
    ) -> None:
        assert isinstance(tx, MySqlTx)
        make_table(tx, self.dialect, table, fields, key, indexed=table == SWEEP_KEYS)
        if self._local:
            try:
                self._send(tx, table, fields, files)
            except pymysql.Error as error:
                if code_of(error) not in NO_LOCAL:
                    raise
                self._local = False
        if not self._local:
            self._send(tx, table, fields, files)

    def insert_new(self, tx: Tx, load: TableLoad, place: str, existing: pa.Schema) -> Counts | None:
        """Into an empty table, and as long as loads of this table bring only new keys."""
        assert isinstance(tx, MySqlTx)
        if not self._local or not straight.suits(self.dialect, load, existing):
            return None
        known = facts(load)
        if (load.key and not known.plain) or (known.deletes and load.deletes is Deletes.HARD):
            return None
        if load.mode is WriteMode.MERGE and load.key and not self._brings_new(tx, load, place):
            return None
        self._measured = {}
        tx.run("SAVEPOINT _ps_straight")
        target = Target(self.dialect, load, self.qualified(place), "", existing)
        rows = CopyRows(load.files, load.schema, LoadLines(), cancel=self._cancel)
        try:
            done = load_data(
                tx.connection, self.dialect, target.table, rows, load.schema,
                {LOADED: target.loaded},
            )  # fmt: skip
        except pymysql.Error as error:
            if code_of(error) not in NO_LOCAL:
                raise
            self._local = False
            return None
        if done != (load.rows, 0):
            # A key is stored already, or a value does not fit: the long way tells which.
            self._fresh.discard(place)
            tx.run("ROLLBACK TO SAVEPOINT _ps_straight")
            return None
        self._fresh.add(place)
        self.warnings += rows.warnings
        gone = known.tombstones(load, existing)
        return Counts(inserted=load.rows - gone, deleted=gone)

    def _brings_new(self, tx: Tx, load: TableLoad, place: str) -> bool:
        """Whether it is likely that no key of the load is stored; the table's key tells surely."""
        indexes = unique_indexes(tx, place)
        if [set(columns or ()) for columns in indexes.values()] != [set(load.key)]:
            return False
        if not tx.rows(f"SELECT 1 FROM {self.qualified(place)} LIMIT 1"):
            return True
        if place not in self._fresh:
            return False
        key = ", ".join(self.dialect.ident(name) for name in load.key)
        some = f"({key}) IN ({straight.a_few_keys(load)})"
        return not tx.rows(f"SELECT 1 FROM {self.qualified(place)} WHERE {some} LIMIT 1")

    def merge_rows(self, tx: Tx, target: Target) -> Counts:
        """By one upsert where the key has a unique index; else by a join."""
        load = target.load
        indexes = unique_indexes(tx, self.place(tx, load.table, load.generation))
        others = sorted(n for n, parts in indexes.items() if set(parts or ()) != set(load.key))
        if len(others) == len(indexes):
            return merge(tx, target)
        if others:
            raise ConfigError(
                f"The table {load.table} has a unique index besides its key: {', '.join(others)}. "
                "A new row that is equal there would change another row.",
                hint="Drop that index, or make it one that is not unique.",
                code="destination.other_unique",
                table=load.table,
            )
        return upsert(tx, target)

    def column_types(
        self, fields: Sequence[pa.Field], key: Sequence[str], current: pa.Schema | None
    ) -> list[str]:
        return made.column_types(self.dialect, fields, key, current)

    def widen_column(self, table: str, field: pa.Field, current: pa.Schema) -> list[str]:
        tx = MySqlTx(self._connected())
        return made.change_type(
            self.dialect,
            self.qualified(table),
            field,
            current,
            key=unique_indexes(tx, table).get("PRIMARY") or (),
            indexed=field.name in indexed_columns(tx, table),
        )

    def first_versions(self, table: str, columns: pa.Schema) -> list[str]:
        return made.first_versions(self.dialect, self.qualified(table), columns)

    def add_index(self, table: str, key: Sequence[str]) -> list[str]:
        parts = ", ".join(self.dialect.ident(name) for name in key)
        return [f"CREATE INDEX _ps_key ON {self.qualified(table)} ({parts})"] if key else []

    def drop_key(self, tx: Tx, table: str, key: Sequence[str]) -> list[str]:
        primary = unique_indexes(tx, table).get("PRIMARY")
        if primary is None or set(primary) != set(key):
            return []
        return [f"ALTER TABLE {self.qualified(table)} DROP PRIMARY KEY"]

    def show(self, tx: Tx, table: str, generation: int) -> None:
        # Should it be broken off, the next transaction does what is left of it.
        self._prepared = False
        show(self, tx, table, generation)
        self._prepared = True

    def commit(self) -> None:
        """End a transaction in the middle of a block."""
        self._connected().commit()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        with self.transaction() as tx:
            assert isinstance(tx, MySqlTx)
            return tx.answer(sql, parameters, lambda table: self.columns(tx, table))

    def batches(self, tx: Tx, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        assert isinstance(tx, MySqlTx)
        return read_back(tx.connection, self.dialect, sql, schema)

    def check(self) -> Iterator[Step]:
        yield from check_steps(self, self._config)

    def login(self) -> str:
        """Connect, where that has not been done yet; the server's version.

        Raises:
            AuthError, TransientError, ConfigError: the server cannot be reached, or refuses.
        """
        return self._connected().version

    def stop_with(self, cancel: threading.Event) -> None:
        super().stop_with(cancel)
        self._cancel = cancel

    def close(self) -> None:
        if self._connection is not None:
            with suppress(pymysql.Error):
                self._connection.close()
            self._connection = None

    def _evolve(
        self,
        tx: Tx,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        mode: WriteMode,
        generation: int,
    ) -> list[str]:
        place = self.place(tx, table, generation)
        if self._trial is None or not self._trial.wrote:
            statements = super()._evolve(tx, table, schema, key, mode, generation)
        elif statements := changes(self, tx, place, schema, key, mode):
            raise Late(statements)
        if self._trial is not None and any(s.startswith("CREATE TABLE") for s in statements):
            self._trial.tables.append(place)
        return statements

    def _send(
        self, tx: MySqlTx, table: str, fields: Sequence[pa.Field], files: Sequence[Path]
    ) -> None:
        send, lines = (load_lines, LoadLines()) if self._local else (insert_lines, InsertLines())
        rows = CopyRows(files, fields, lines, self._measured, self._cancel)
        send(tx.connection, self.dialect, table, rows, pa.schema(fields))
        self.warnings += rows.warnings
        self._longest = rows.longest

    def _prepare_database(self, tx: Tx) -> None:
        """Make our tables, and do what an earlier process has begun; one process at a time."""
        name = f"penstock {self._config.database}"[:64]
        timeout = self._config.lock_timeout
        if not tx.rows("SELECT GET_LOCK(?, ?)", [name, timeout])[0][0]:
            raise pymysql.OperationalError(1205, "Another session of Penstock begins here.")
        try:
            # Asked first: CREATE TABLE needs a right even where there is nothing to create.
            if self.columns(tx, metadata.LEDGER) is None or self.columns(tx, TABLES) is None:
                self.prepare(tx)
            finish_broken_off(self, tx)
        finally:
            with suppress(pymysql.Error):
                tx.rows("SELECT RELEASE_LOCK(?)", [name])

    @contextmanager
    def _session(self, *, commit: bool = True) -> Iterator[MySqlTx]:
        """One transaction; what it made for a while goes with it when it ends early."""
        connection = self._connected()
        ended = False
        try:
            yield MySqlTx(connection)
            if commit:
                connection.commit()
            ended = commit
        except pymysql.Error as error:
            raise self._translated(error) from error
        finally:
            if not ended and connection.open:
                with suppress(pymysql.Error):
                    connection.rollback()
                    connection.query(f"DROP TEMPORARY TABLE IF EXISTS {', '.join(_TEMPORARY)}")

    def _connected(self) -> RowsConnection:
        if self._connection is not None and self._connection.open:
            return self._connection
        config = self._config
        try:
            connection = connect(config)
        except (pymysql.Error, OSError) as error:
            raise translate_connect(error, config.identity, config.user, config.database) from error
        check_version(connection, config.identity)
        self._learn(maria=is_maria(connection))
        try:
            set_up(connection, config, self.dialect.collation)
        except pymysql.Error as error:
            raise self._translated(error) from error
        self._connection = connection
        if self._cancel is not None:
            StatementStopper(connection, config, self._cancel).start()
        return connection

    def _learn(self, *, maria: bool) -> None:
        """Which of the two kinds of servers it is."""
        self.dialect.maria = maria
        self.table_options = options(self.dialect)
        text = f"VARCHAR(512) CHARACTER SET utf8mb4 COLLATE {self.dialect.collation}"
        prefix = f"{self.dialect.ident(self._config.database)}."
        self.ledger_book = Ledger(prefix, text, "LONGTEXT")

    def _translated(self, error: pymysql.Error) -> PenstockError:
        if self._cancel is not None and self._cancel.is_set() and code_of(error) in (1317, 1927):
            return Interrupted("The job was stopped while a statement ran.")
        return translate(error, self._config.identity, self._config.user)


def _check_cases(table: str, names: Sequence[str]) -> None:
    """Raises `ConfigError` for names that differ only in case: they are one to the server."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise ConfigError(
                f"The columns {other} and {name} differ only in case, and MySQL takes that for "
                "the same name.",
                hint="Give one of them another name.",
                code="config.name_twice",
                table=table,
                column=name,
            )


def open(card: Card, config: Config) -> MySql:  # noqa: A001, ARG001 (the registry's word)
    """Called by the registry; connects when it is needed."""
    return MySql(config)
