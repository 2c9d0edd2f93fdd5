"""DuckDB: one local file, no server."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from penstock.connectors.destinations.duckdb.config import Config
from penstock.connectors.destinations.duckdb.dialect import DuckDbDialect
from penstock.connectors.destinations.duckdb.errors import translate, unexpected
from penstock.connectors.destinations.duckdb.file import DuckFile
from penstock.connectors.destinations.duckdb.parquet import listed, readable
from penstock.connectors.destinations.duckdb.straight import new_rows, row_bytes, suits
from penstock.core import metadata
from penstock.core.cards import Card
from penstock.core.digest import Digest, DigestPlan
from penstock.core.errors import Interrupted, NoRoom, PenstockError
from penstock.core.load import Receipt, TableLoad, WriteMode
from penstock.core.stopping import giving_up
from penstock.sdk.destination import Capabilities, TableRead
from penstock.sdk.source import Step
from penstock.sdk.sql import SqlDestination, Tx
from penstock.sdk.sql.check import failed_step, table_steps
from penstock.sdk.sql.engine import SWEEP_KEYS, as_batch
from penstock.sdk.sql.filling import mask_columns
from penstock.sdk.sql.ledger import Ledger
from penstock.sdk.sql.merge import Counts

T = TypeVar("T")
_THREADS = 2
_READ_ROWS = 10_240
# Each thread packs rows of its own. With less than this, one alone loads in half the room, and a
# second one would only make it spill.
_SMALL_BYTES = 48_000_000


class _DuckTx:
    """A transaction on one connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        self._connection.execute(sql, list(values))
        return -1

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(sql, list(values)).fetchall()
        return found

    def reader(self, sql: str) -> pa.RecordBatchReader:
        """The answer as Arrow, a batch at a time."""
        self._connection.execute("SET timezone = 'UTC'")
        return self._connection.sql(sql).to_arrow_reader(_READ_ROWS)


class DuckDb(SqlDestination):
    """Opens the file for each transaction, so that other programs can read it in between."""

    dialect = DuckDbDialect()
    capabilities = Capabilities(
        modes=frozenset(WriteMode),
        atomic_package=True,
        table_limit=255,
        column_limit=255,
        max_columns=4096,
    )

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config
        self._path = config.path
        self._schema = config.schema_
        self._file = DuckFile(config.path, config.threads or _THREADS, config.memory_limit)
        self._prepared = False
        self.instants = config.metadata_instants
        self.ledger_book = Ledger(f"{self.dialect.ident(self._schema)}.")

    @property
    def identity(self) -> str:
        return f"duckdb:{self._path.absolute()}#{self._schema}"

    def limit_memory(self, limit_bytes: int) -> None:
        self._file.memory_bytes = limit_bytes
        if self._config.threads is None and limit_bytes < _SMALL_BYTES:
            self._file.threads = 1

    def stop_with(self, cancel: threading.Event) -> None:
        super().stop_with(cancel)
        self._file.cancel = cancel

    def close(self) -> None:
        self._file.close()

    def evolve(
        self,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        *,
        mode: WriteMode,
        generation: int = 0,
    ) -> list[str]:
        work = partial(super().evolve, table, schema, key, mode=mode, generation=generation)
        return self._with_room(work)

    def load(self, load: TableLoad) -> Receipt:
        return self._with_room(partial(super().load, load))

    def load_package(self, loads: Sequence[TableLoad]) -> list[Receipt]:
        return self._with_room(partial(super().load_package, loads))

    def _with_room(self, work: Callable[[], T]) -> T:
        """Do it again with more memory when there was too little: a few loads need more than
        their share, such as rows of many hundred columns."""
        while True:
            try:
                return work()
            except NoRoom:
                if not self._file.more_memory():
                    raise
            finally:
                self._file.gather()

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        with self._file.borrowed() as connection:
            tx = _DuckTx(connection)
            try:
                connection.begin()
                if not self._prepared:
                    tx.run(f"CREATE SCHEMA IF NOT EXISTS {self.dialect.ident(self._schema)}")
                    self.prepare(tx)
                yield tx
                connection.commit()
                self._prepared = True
            except duckdb.Error as error:
                raise translate(error, self._path) or unexpected(error) from error
            finally:
                self._file.settle(connection)

    @contextmanager
    def looking(self) -> Iterator[Tx | None]:
        if not self._path.exists():
            yield None
            return
        with self._file.borrowed(read_only=True) as connection:
            try:
                connection.begin()
                yield _DuckTx(connection)
            except duckdb.InterruptException as error:
                raise Interrupted("Stopped while a statement ran.") from error
            except duckdb.Error as error:
                raise translate(error, self._path) or unexpected(error) from error
            finally:
                self._file.settle(connection)

    def qualified(self, table: str) -> str:
        return f"{self.dialect.ident(self._schema)}.{self.dialect.ident(table)}"

    def columns(self, tx: Tx, table: str) -> pa.Schema | None:
        # Asked for first: an error would end the transaction.
        there = tx.rows(
            "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? AND table_name = ? "
            "AND database_name = current_database()",
            [self._schema, table],
        )
        if not there:
            return None
        found = tx.rows("SELECT name, type FROM pragma_table_info(?)", [self.qualified(table)])
        fields = [pa.field(name, self.dialect.arrow_type(kind)) for name, kind in found]
        return pa.schema(fields) if found else None

    def insert_new(self, tx: Tx, load: TableLoad, place: str, existing: pa.Schema) -> Counts | None:
        if suits(load):
            with self.rows_of(tx, load, existing) as source:
                target = self._target(load, place, source, existing)
                counts = new_rows(tx, target)
                if counts is not None:
                    self._file.adding(row_bytes(load))
                    tx.run(target.insert(f"{source} s"))
                    return counts
        if load.mode is not WriteMode.APPEND:
            self._file.changing()
        return None

    @contextmanager
    def rows_of(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> Iterator[str]:
        """The files themselves, read by DuckDB: nothing is copied before it is needed."""
        with readable(load.files, load.schema) as files:
            yield f"(SELECT {self._selected(tx, load, files, existing)} FROM {listed(files)} r)"

    def keys_of(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> None:
        assert load.sweep is not None
        self._file.changing()
        names = ", ".join(
            f"CAST({self.dialect.ident(n)} AS {self.dialect.type_name(existing.field(n))}) "
            f"AS {self.dialect.ident(n)}"
            for n in load.key
        )
        if load.sweep.key_files:
            rows = f"SELECT DISTINCT {names} FROM {listed(load.sweep.key_files)}"
        else:
            nulls = ", ".join(f"NULL AS {self.dialect.ident(n)}" for n in load.key)
            rows = f"SELECT {names} FROM (SELECT {nulls}) WHERE FALSE"
        tx.run(f"CREATE TEMPORARY TABLE {SWEEP_KEYS} AS {rows}")

    def digest(self, table: str, plan: DigestPlan) -> Digest | None:
        with giving_up(self.cancel, self._file.interrupt):
            return self._with_room(partial(super().digest, table, plan))

    def read(self, wanted: TableRead) -> Iterator[pa.RecordBatch]:
        with giving_up(self.cancel, self._file.interrupt):
            # What has given rows cannot begin again: a reader that fits into the memory for its
            # first rows fits for all.
            yield from self._with_room(partial(self._begun, wanted))

    def _begun(self, wanted: TableRead) -> Iterator[pa.RecordBatch]:
        batches = super().read(wanted)
        first = next(batches, None)
        return batches if first is None else chain((first,), batches)

    def batches(self, tx: Tx, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        assert isinstance(tx, _DuckTx)
        with tx.reader(sql) as batches:
            for batch in batches:
                yield as_batch(batch.columns, schema)

    def add_key(self, table: str, key: Sequence[str]) -> list[str]:  # noqa: ARG002
        # No index: merging by a join is many times faster than keeping one up to date.
        return []

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        with self._file.borrowed() as connection:
            try:
                connection.execute("SET timezone = 'UTC'")
                relation = connection.sql(sql, params=list(parameters))
                found: pa.Table = relation.to_arrow_table()
            except duckdb.Error as error:
                raise translate(error, self._path) or unexpected(error) from error
            return found

    def check(self) -> Iterator[Step]:
        began = time.monotonic()
        folder = self._path.absolute().parent
        if not folder.is_dir():
            yield Step("file", ok=False, detail=f"there is no folder {folder}", hint="Make it.")
            return
        if self._path.exists() and self._path.stat().st_size:
            yield from self._tried(str(self._path), began)
            return
        # A new database beside the place of the file proves the same, and the place stays empty.
        try:
            room = tempfile.TemporaryDirectory(prefix=".penstock-check-", dir=folder)
        except OSError as error:
            known = translate(error, self._path) or unexpected(error)
            yield failed_step("file", known, began)
            return
        with room as name:
            place = Path(name) / self._path.name
            trial = type(self)(self._config.model_copy(update={"path": place}))
            with closing(trial):
                yield from trial._tried(f"{self._path} is not there yet; a run makes it", began)

    def _tried(self, detail: str, began: float) -> Iterator[Step]:
        try:
            self.query("SELECT 1")
        except PenstockError as error:
            yield failed_step("file", error, began)
            return
        yield Step("file", ok=True, detail=detail, seconds=time.monotonic() - began)
        yield from table_steps(self)

    def _selected(self, tx: Tx, load: TableLoad, files: Sequence[Path], existing: pa.Schema) -> str:
        """Every column of the load in the table's type; columns the files lack are null."""
        there = tx.rows(f"DESCRIBE SELECT * FROM {listed(files)}")
        kinds = {row[0]: row[1] for row in there}
        parts = []
        for field in load.schema:
            name = self.dialect.ident(field.name)
            wanted = existing.field(field.name)
            kind = self.dialect.type_name(wanted)
            if field.name not in kinds:
                parts.append(f"CAST(NULL AS {kind}) AS {name}")
            elif kinds[field.name] == kind:
                parts.append(name)
            else:
                cast = self.dialect.cast(name, field.type, wanted)
                parts.append(
                    f"{cast} AS {name}" if cast != name else f"CAST({name} AS {kind}) AS {name}"
                )
        staging = metadata.STAGING_COLUMNS - {*load.schema.names}
        parts += [self.dialect.ident(name) for name in sorted(staging)]
        for name in map(self.dialect.ident, mask_columns(load)):
            parts.append(name if name.strip('"') in kinds else f"CAST(NULL AS BIGINT) AS {name}")
        return ", ".join(parts)


def open(card: Card, config: Config) -> DuckDb:  # noqa: A001, ARG001 (the registry's word)
    """Called by the registry; touches nothing yet."""
    return DuckDb(config)
