"""The part of a SQL destination that is the same for every engine."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

import pyarrow as pa

from penstock.core import metadata
from penstock.core.clock import now_ms
from penstock.core.diff import diff
from penstock.core.errors import ConfigError, DataError, SchemaConflict
from penstock.core.failpoints import hit
from penstock.core.instants import Instants
from penstock.core.load import Receipt, TableLoad, WriteMode
from penstock.core.types import logical_name
from penstock.sdk.destination import Destination, LedgerEntry, Refused
from penstock.sdk.sql.dialect import Dialect, is_turned
from penstock.sdk.sql.history import history
from penstock.sdk.sql.ledger import Ledger
from penstock.sdk.sql.merge import Counts, append, merge
from penstock.sdk.sql.names import shadow_name
from penstock.sdk.sql.sweep import Swept, sweep
from penstock.sdk.sql.switch import adopt, becomes_history, check_switch
from penstock.sdk.sql.target import Target
from penstock.sdk.sql.tx import Tx, one

SWEEP_KEYS = "_ps_stg_keys"


class SqlDestination(Destination):
    """Engines give a dialect, a transaction, and ways to read files; the rest is here."""

    dialect: Dialect
    ledger_book: Ledger
    instants: Instants = "EPOCH_MS"
    """How tables keep the times of ours; columns made under the other setting are changed."""

    def __init__(self) -> None:
        self._evolved: dict[tuple[str, int, WriteMode], pa.Schema] = {}
        self.cancel = threading.Event()
        # What a load has to tell; engines add to it while they copy.
        self.warnings: list[str] = []

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Tx]:
        """A transaction that commits when the block ends well; foreign errors are translated."""

    @abstractmethod
    def looking(self) -> AbstractContextManager[Tx | None]:
        """A transaction that makes and changes nothing; None where there is nothing yet."""

    @abstractmethod
    def qualified(self, table: str) -> str:
        """Schema and table, quoted."""

    @abstractmethod
    def columns(self, tx: Tx, table: str) -> pa.Schema | None:
        """The table's columns now; None when there is no such table."""

    @abstractmethod
    def rows_of(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> AbstractContextManager[str]:
        """Bring the files within reach: a table expression in the table's types."""

    @abstractmethod
    def keys_of(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> None:
        """Make the temporary table `SWEEP_KEYS` out of the sweep's key files."""

    def add_key(self, table: str, key: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Clauses for a key inside CREATE TABLE; none where the engine enforces no key."""
        return [f"PRIMARY KEY ({', '.join(self.dialect.ident(name) for name in key)})"]

    def add_index(self, table: str, key: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Statements for an index on a key that is not unique, where that makes loads quicker."""
        return []

    def stop_with(self, cancel: threading.Event) -> None:
        self.cancel = cancel

    def drop_key(self, tx: Tx, table: str, key: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Statements that let a key come several times, where the engine enforces this one now."""
        return []

    def widen_column(self, table: str, field: pa.Field, old: pa.DataType) -> str:
        """The statement that changes a column's type without losing a value."""
        name = self.dialect.ident(field.name)
        using = self.dialect.cast(name, old, field)
        kind = self.dialect.type_name(field)
        return f"ALTER TABLE {self.qualified(table)} ALTER {name} TYPE {kind} USING {using}"

    def merge_rows(self, tx: Tx, target: Target) -> Counts:
        """Merge mode. The shared way is a join; engines with a better one override this."""
        return merge(tx, target)

    def prepare(self, tx: Tx) -> None:
        """Make our own tables; called once per object of this class."""
        self.ledger_book.create(tx)

    def describe(self, table: str) -> pa.Schema | None:
        with self.looking() as tx:
            return self.columns(tx, table) if tx is not None else None

    def changes(
        self,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        *,
        mode: WriteMode = WriteMode.MERGE,
    ) -> list[str]:
        with self.looking() as tx:
            current = self.columns(tx, table) if tx is not None else None
            if tx is None or current is None:
                return self._statements(current, table, schema, key, mode)
            return self._changes(tx, current, table, schema, key, mode)

    def check_modes(self, wanted: Mapping[str, tuple[Sequence[str], WriteMode]]) -> None:
        with self.looking() as tx:
            if tx is None:
                return
            for table, (key, mode) in wanted.items():
                current = self.columns(tx, table)
                if current is not None:
                    self._check_switch(tx, current, table, key, mode)

    def evolve(
        self,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        *,
        mode: WriteMode,
        generation: int = 0,
    ) -> list[str]:
        self._check_names(table, schema)
        self._check_publish(generation)
        if self._evolved.get((table, generation, mode)) == schema:
            # A load looks again inside its own transaction, should somebody change the table.
            return []
        with self.transaction() as tx:
            statements = self._evolve(tx, table, schema, key, mode, generation)
        self._evolved[table, generation, mode] = schema
        return statements

    def load(self, load: TableLoad) -> Receipt:
        self._check_mode(load.mode)
        self._check_publish(load.generation)
        self.warnings.clear()
        with self.transaction() as tx:
            known = self.ledger_book.find(tx, load)
            if known is not None:
                return known
            counts, swept = self.apply_in(tx, load)
            receipt = _receipt(load, counts, swept, tuple(self.warnings))
            hit("load.in_transaction")
            self.ledger_book.add(tx, load, receipt)
            if load.package_no % 100 == 0:
                self.ledger_book.trim(tx, load.pipeline)
            hit("load.before_commit")
        hit("load.after_commit")
        return receipt

    def publish(self, table: str, generation: int) -> None:
        self._check_publish(generation)
        try:
            self._publish(table, generation)
        except DataError as error:
            raise ConfigError(
                f"The full reload of {table} cannot be shown: {error.message}",
                hint="Somebody added a rule to the table that new rows break: drop it, run again.",
                code="destination.depends",
                table=table,
            ) from error
        hit("publish.after_commit")

    def _publish(self, table: str, generation: int) -> None:
        with self.transaction() as tx:
            if self.ledger_book.generation(tx, table) >= generation:
                return
            shadow = shadow_name(table, generation, self.capabilities.table_limit)
            if self.columns(tx, shadow) is None:
                return
            self.swap(tx, table, shadow)
            self._drop_given_up(tx, table, generation)
            self.ledger_book.publish(tx, table, generation, now_ms())
            hit("publish.in_transaction")

    def swap(self, tx: Tx, table: str, shadow: str) -> None:
        """Put the shadow in the table's place; readers see one or the other."""
        if self.columns(tx, table) is not None:
            tx.run(f"DROP TABLE {self.qualified(table)}")
        tx.run(f"ALTER TABLE {self.qualified(shadow)} RENAME TO {self.dialect.ident(table)}")

    def refill(self, tx: Tx, table: str, shadow: str) -> None:
        """Give the table the shadow's rows, and keep the table with all that hangs on it.

        Takes longer than a rename; readers see the old rows until the end.
        """
        new = self.columns(tx, shadow)
        assert new is not None, shadow
        for statement in self._statements(self.columns(tx, table), table, new, (), WriteMode.MERGE):
            tx.run(statement)
        old = self.columns(tx, table)
        assert old is not None, table
        names = [self.dialect.ident(name) for name in new.names]
        values = [
            self.dialect.cast(name, field.type, old.field(field.name))
            for name, field in zip(names, new, strict=True)
        ]
        place, source = self.qualified(table), self.qualified(shadow)
        tx.run(f"DELETE FROM {place}")
        tx.run(f"INSERT INTO {place} ({', '.join(names)}) SELECT {', '.join(values)} FROM {source}")
        tx.run(f"DROP TABLE {source}")

    def _drop_given_up(self, tx: Tx, table: str, generation: int) -> None:
        """Shadows of reloads that a newer one has overtaken."""
        shown = self.ledger_book.generation(tx, table)
        for number in range(shown + 1, generation):
            shadow = shadow_name(table, number, self.capabilities.table_limit)
            tx.run(f"DROP TABLE IF EXISTS {self.qualified(shadow)}")

    def ledger(self, pipeline: str) -> list[LedgerEntry]:
        with self.transaction() as tx:
            return self.ledger_book.newest(tx, pipeline)

    def refused(self, load: TableLoad) -> list[Refused]:
        from penstock.sdk.sql.refuse import find_refused

        return find_refused(self, load)

    def try_load(self, load: TableLoad) -> None:
        """Apply a load and take it back; raises `DataError` when a row is refused."""
        with self.taken_back() as tx:
            self.apply_in(tx, load)

    @contextmanager
    def taken_back(self) -> Iterator[Tx]:
        """A transaction that is rolled back at its end, with all that it made."""
        try:
            with self.transaction() as tx:
                yield tx
                raise _TakenBack
        except _TakenBack:
            return

    def evolve_in(self, tx: Tx, load: TableLoad) -> list[str]:
        """Make or widen the table of a load; the statements that did so."""
        return self._evolve(tx, load.table, load.schema, load.key, load.mode, load.generation)

    def apply_in(self, tx: Tx, load: TableLoad) -> tuple[Counts, Swept]:
        """Do all of a load but its entry in the ledger."""
        self.evolve_in(tx, load)
        place = self._place(tx, load.table, load.generation)
        existing = self.columns(tx, place)
        assert existing is not None, place
        counts = Counts()
        if load.files and load.rows:
            with self.rows_of(tx, load, existing) as source:
                target = self._target(load, place, source, existing)
                self._check_keys(tx, target)
                counts = self._write(tx, target)
        swept = Swept()
        if load.sweep is not None:
            self.keys_of(tx, load, existing)
            target = self._target(load, place, "", existing)
            swept = sweep(tx, target, load.sweep, SWEEP_KEYS)
            tx.run(f"DROP TABLE {SWEEP_KEYS}")
        return counts, swept

    def _write(self, tx: Tx, target: Target) -> Counts:
        if target.load.mode is WriteMode.APPEND or not target.key:
            return append(tx, target)
        if target.load.mode is WriteMode.HISTORY:
            return history(tx, target)
        return self.merge_rows(tx, target)

    def _evolve(
        self,
        tx: Tx,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        mode: WriteMode,
        generation: int,
    ) -> list[str]:
        place = self._place(tx, table, generation)
        current = self.columns(tx, place)
        if current is None:
            statements = self._statements(None, place, schema, key, mode)
        else:
            statements = self._changes(tx, current, place, schema, key, mode)
        for statement in statements:
            tx.run(statement)
        return statements

    def _changes(
        self,
        tx: Tx,
        current: pa.Schema,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        mode: WriteMode,
    ) -> list[str]:
        """What makes a table that exists fit for the columns and for the load mode."""
        self._check_switch(tx, current, table, key, mode)
        statements = self._statements(current, table, schema, key, mode)
        if mode is not WriteMode.MERGE:
            statements += self.drop_key(tx, table, key)
        if becomes_history(current, mode):
            wanted = _with_ours(schema, mode, self.instants)
            statements.append(adopt(self.dialect, self.qualified(table), wanted))
            statements += self.add_index(table, key)
        return statements

    def _check_switch(
        self, tx: Tx, current: pa.Schema, table: str, key: Sequence[str], mode: WriteMode
    ) -> None:
        quoted = [self.dialect.ident(name) for name in key if name in current.names]
        check_switch(tx, self.qualified(table), current, quoted, mode, name=table)

    def _target(self, load: TableLoad, place: str, source: str, existing: pa.Schema) -> Target:
        return Target(self.dialect, load, self.qualified(place), source, existing)

    def _place(self, tx: Tx, table: str, generation: int) -> str:
        """The table itself, or the shadow while its generation is not shown yet."""
        if generation == 0 or self.ledger_book.generation(tx, table) >= generation:
            return table
        return shadow_name(table, generation, self.capabilities.table_limit)

    def _statements(
        self,
        current: pa.Schema | None,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        mode: WriteMode | None,
    ) -> list[str]:
        """From the columns there are (None: no table) to the ones that are wanted.

        Without a mode the schema is a table's, and has the columns of history already.
        """
        wanted = _with_ours(schema, mode, self.instants)
        name = self.qualified(table)
        if current is None:
            lines = [
                f"{self.dialect.ident(f.name)} {self.dialect.column_type(f)}"
                for f in wanted
                if f.type != pa.null()
            ]
            unique = key if mode is not WriteMode.APPEND and mode is not WriteMode.HISTORY else ()
            lines += self.add_key(table, unique) if unique else []
            made = [f"CREATE TABLE {name} ({', '.join(lines)})"]
            return made + (self.add_index(table, key) if mode is WriteMode.HISTORY else [])
        turned = _turned(current, wanted)
        change = diff(current, pa.schema([f for f in wanted if f not in turned]))
        quote, kind = self.dialect.ident, self.dialect.type_name
        done = [
            f"ALTER TABLE {name} ADD COLUMN {quote(f.name)} {self.dialect.column_type(f)}"
            for f in change.added
        ]
        for column, old, new in change.widened:
            field = pa.field(column, new)
            if kind(field) == kind(pa.field(column, old)):
                continue
            if not self.capabilities.widen_column:
                raise self._cannot_widen(table, field, old)
            done.append(self.widen_column(table, field, old))
        for field in turned:
            old = current.field(field.name).type
            if not self.capabilities.widen_column:
                raise self._cannot_widen(table, field, old)
            done.append(self.widen_column(table, field, old))
        return done

    def _cannot_widen(self, table: str, field: pa.Field, old: pa.DataType) -> SchemaConflict:
        return SchemaConflict(
            f"The column {field.name} would have to become {logical_name(field)}, and "
            f"{self.dialect.name} cannot change a column's type ({logical_name(old)}).",
            hint="Copy the table into one with the wider column, or leave the field out.",
            code="schema.cannot_widen",
            table=table,
            column=field.name,
        )

    def _check_publish(self, generation: int) -> None:
        if generation and not self.capabilities.publish:
            raise ConfigError(
                f"{self.dialect.name} cannot replace a table by a full reload.",
                hint="Run without --full-refresh, or empty the table first.",
                code="config.full_reload",
            )

    def _check_mode(self, mode: WriteMode) -> None:
        if mode not in self.capabilities.modes:
            raise ConfigError(
                f"{self.dialect.name} cannot load in {mode.value} mode.",
                hint=f"Choose one of: {', '.join(sorted(self.capabilities.modes))}.",
                code="config.mode",
            )

    def _check_names(self, table: str, schema: pa.Schema) -> None:
        """Refuse before any DDL what the engine would cut short in silence."""
        limit = self.capabilities
        for name, most in [
            (table, limit.table_limit),
            *((n, limit.column_limit) for n in schema.names),
        ]:
            size = len(name.encode()) if limit.name_unit == "bytes" else len(name)
            if size > most:
                raise ConfigError(
                    f"The name {name[:80]} is longer than {self.dialect.name} allows ({most}).",
                    hint="Choose a shorter name.",
                    code="config.name_too_long",
                    table=table,
                )
        for name in schema.names:
            if name.lower() in limit.reserved_columns:
                raise ConfigError(
                    f"{self.dialect.name} keeps the column name {name} for itself.",
                    hint="Choose another name.",
                    code="config.reserved_name",
                    table=table,
                )
        if len(schema) > limit.max_columns:
            raise ConfigError(
                f"{len(schema)} columns are more than {self.dialect.name} allows "
                f"({limit.max_columns}).",
                hint="Leave out some fields.",
                code="config.too_many_columns",
                table=table,
            )

    def _check_keys(self, tx: Tx, target: Target) -> None:
        if not target.key:
            return
        empty = " OR ".join(f"s.{name} IS NULL" for name in target.key)
        if one(tx, f"SELECT count(*) FROM {target.source} s WHERE {empty}"):
            raise DataError(
                "A row has no value in its key.",
                code="NULL_IN_PRIMARY_KEY",
                table=target.load.table,
            )


class _TakenBack(Exception):
    """Ends a trial's transaction without a commit."""


def _receipt(load: TableLoad, counts: Counts, swept: Swept, warnings: tuple[str, ...]) -> Receipt:
    return Receipt(
        load_id=load.load_id,
        table=load.table,
        inserted=counts.inserted,
        updated=counts.updated,
        deleted=counts.deleted,
        unchanged=counts.unchanged,
        flagged=swept.flagged,
        held=swept.held,
        warnings=warnings,
    )


def _turned(current: pa.Schema, wanted: pa.Schema) -> list[pa.Field]:
    """Times of ours that the table keeps in the other form, as they are wanted."""
    return [
        field
        for field in wanted
        if field.name in metadata.INSTANTS
        and field.name in current.names
        and is_turned(current.field(field.name).type, field.type)
    ]


def _with_ours(schema: pa.Schema, mode: WriteMode | None, instants: Instants) -> pa.Schema:
    """The rows' columns and those the load fills in itself."""
    kind = metadata.TIMESTAMP if instants == "TIMESTAMP" else pa.int64()
    fields = [f.with_type(kind) if f.name in metadata.INSTANTS else f for f in schema]
    extra = [pa.field(metadata.LOADED_AT, kind)]
    if mode is WriteMode.HISTORY:
        extra += [
            pa.field(metadata.VALID_FROM, metadata.TIMESTAMP),
            pa.field(metadata.VALID_TO, metadata.TIMESTAMP),
            pa.field(metadata.IS_ACTIVE, pa.bool_()),
        ]
    return pa.schema([*fields, *(f for f in extra if f.name not in schema.names)])
