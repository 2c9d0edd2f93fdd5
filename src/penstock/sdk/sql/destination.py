"""The part of a SQL destination that is the same for every engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from penstock.core import metadata
from penstock.core.digest import Bucket, Digest, DigestPlan
from penstock.core.errors import ConfigError, DataError
from penstock.core.failpoints import hit
from penstock.core.load import Deletes, Receipt, TableLoad, WriteMode
from penstock.sdk.destination import LedgerEntry, Refused, TableRead
from penstock.sdk.sql.ddl import changes
from penstock.sdk.sql.digest.select import living, returned, selected, text_of
from penstock.sdk.sql.digest.sums import digest_sql
from penstock.sdk.sql.engine import SWEEP_KEYS, SqlEngine
from penstock.sdk.sql.filling import filled
from penstock.sdk.sql.history import history
from penstock.sdk.sql.ledger import TABLES
from penstock.sdk.sql.limits import check_generation, check_mode, check_names
from penstock.sdk.sql.merge import Counts, append
from penstock.sdk.sql.names import shadow_name
from penstock.sdk.sql.removing import purge, remove
from penstock.sdk.sql.sweep import Swept, sweep
from penstock.sdk.sql.switch import check_switch
from penstock.sdk.sql.target import Target
from penstock.sdk.sql.tx import Tx, one


class SqlDestination(SqlEngine):
    """The contract of a destination, kept with what an engine brings."""

    def __init__(self) -> None:
        super().__init__()
        self._evolved: dict[tuple[str, int, WriteMode], pa.Schema] = {}

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
        generation: int = 0,
    ) -> list[str]:
        with self.looking() as tx:
            place = self._seen_place(tx, table, generation)
            return changes(self, tx, place, schema, key, mode)

    def check_modes(self, wanted: Mapping[str, tuple[Sequence[str], WriteMode]]) -> None:
        with self.looking() as tx:
            if tx is None:
                return
            for table, (key, mode) in wanted.items():
                current = self.columns(tx, table)
                if current is not None:
                    place = self.qualified(table)
                    check_switch(tx, self.dialect, place, current, key, mode, name=table)

    def evolve(
        self,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        *,
        mode: WriteMode,
        generation: int = 0,
    ) -> list[str]:
        check_names(self.dialect.name, self.capabilities, table, schema.names)
        check_generation(self.dialect.name, self.capabilities, generation)
        if self._evolved.get((table, generation, mode)) == schema:
            # A load looks again inside its own transaction, should somebody change the table.
            return []
        with self.transaction() as tx:
            statements = self._evolve(tx, table, schema, key, mode, generation)
        self._evolved[table, generation, mode] = schema
        return statements

    def load(self, load: TableLoad) -> Receipt:
        check_mode(self.dialect.name, self.capabilities, load.mode)
        check_generation(self.dialect.name, self.capabilities, load.generation)
        self.warnings.clear()
        with self.transaction() as tx:
            receipt = self._load(tx, load)
            hit("load.before_commit")
        hit("load.after_commit")
        return receipt

    def load_package(self, loads: Sequence[TableLoad]) -> list[Receipt]:
        if not self.capabilities.atomic_package:
            return super().load_package(loads)
        for load in loads:
            check_mode(self.dialect.name, self.capabilities, load.mode)
            check_generation(self.dialect.name, self.capabilities, load.generation)
        receipts = []
        with self.transaction() as tx:
            for load in loads:
                self.warnings.clear()
                receipts.append(self._load(tx, load))
                hit("load.between_tables")
            hit("load.before_commit")
        hit("load.after_commit")
        return receipts

    def _load(self, tx: Tx, load: TableLoad) -> Receipt:
        known = self.ledger_book.find(tx, load)
        if known is not None:
            return known
        counts, swept = self.apply_in(tx, load)
        receipt = _receipt(load, counts, swept, tuple(self.warnings))
        hit("load.in_transaction")
        self.ledger_book.add(tx, load, receipt)
        if load.package_no % 100 == 0:
            self.ledger_book.trim(tx, load.pipeline)
        return receipt

    def publish(self, table: str, generation: int) -> None:
        check_generation(self.dialect.name, self.capabilities, generation)
        try:
            with self.transaction() as tx:
                self.show(tx, table, generation)
        except DataError as error:
            raise ConfigError(
                f"The full reload of {table} cannot be shown: {error.message}",
                hint="Somebody added a rule to the table that new rows break: drop it, run again.",
                code="destination.depends",
                table=table,
            ) from error
        hit("publish.after_commit")

    def free_generation(self, table: str) -> int:
        with self.looking() as tx:
            if tx is None or self.columns(tx, TABLES) is None:
                return 1
            number = self.ledger_book.generation(tx, table) + 1
            while self.columns(tx, self.place(tx, table, number)) is not None:
                number += 1
            return number

    def purge(self, table: str) -> None:
        with self.transaction() as tx:
            columns = self.columns(tx, table)
            if columns is not None and metadata.DELETED in columns.names:
                purge(tx, self.qualified(table))

    def drop(self, table: str) -> None:
        with self.transaction() as tx:
            tx.run(f"DROP TABLE IF EXISTS {self.qualified(table)}")
        self._evolved = {place: s for place, s in self._evolved.items() if place[0] != table}

    def returned(self, table: str) -> pa.Schema | None:
        columns = self.describe(table)
        return returned(self.dialect, columns) if columns is not None else None

    def read(self, wanted: TableRead) -> Iterator[pa.RecordBatch]:
        with self.looking() as tx:
            columns = self.columns(tx, wanted.table) if tx is not None else None
            if tx is None or columns is None:
                return
            sql = selected(self.dialect, self.qualified(wanted.table), columns, wanted)
            types = returned(self.dialect, columns)
            schema = pa.schema([types.field(name) for name in wanted.columns])
            yield from self.batches(tx, sql, schema)

    def key_span(self, table: str, column: str) -> tuple[int, int] | None:
        with self.looking() as tx:
            columns = self.columns(tx, table) if tx is not None else None
            if tx is None or columns is None:
                return None
            name, where = self.dialect.ident(column), living(self.dialect, columns)
            conditions = " AND ".join([*where, f"{name} IS NOT NULL"])
            ((low, high),) = tx.rows(
                f"SELECT min({name}), max({name}) FROM {self.qualified(table)} WHERE {conditions}"
            )
        return (int(low), int(high)) if low is not None else None

    def digest(self, table: str, plan: DigestPlan) -> Digest | None:
        with self.looking() as tx:
            columns = self.columns(tx, table) if tx is not None else None
            words = self.dialect.digests
            if tx is None or columns is None or words is None:
                return None
            sql = digest_sql(
                words, plan, text_of(self.dialect, columns), self.qualified(table),
                living(self.dialect, columns),
            )  # fmt: skip
            if sql is None:
                return None
            return {int(row[0]): Bucket(int(row[1]), int(row[2])) for row in tx.rows(sql)}

    def ledger(self, pipeline: str) -> list[LedgerEntry]:
        with self.transaction() as tx:
            return self.ledger_book.newest(tx, pipeline)

    def refused(self, load: TableLoad, before: Sequence[TableLoad] = ()) -> list[Refused]:
        from penstock.sdk.sql.refuse import find_refused

        return find_refused(self, load, before)

    def try_load(self, load: TableLoad, before: Sequence[TableLoad] = ()) -> None:
        """Apply loads and take them back; raises `DataError` when a row is refused."""
        with self.taken_back() as tx:
            for item in before:
                if self.ledger_book.find(tx, item) is None:
                    self.apply_in(tx, item)
            self.apply_in(tx, load)

    def evolve_in(self, tx: Tx, load: TableLoad) -> list[str]:
        """Make or widen the table of a load; the statements that did so."""
        return self._evolve(tx, load.table, load.schema, load.key, load.mode, load.generation)

    def apply_in(self, tx: Tx, load: TableLoad) -> tuple[Counts, Swept]:
        """Do all of a load but its entry in the ledger."""
        self.evolve_in(tx, load)
        place = self.place(tx, load.table, load.generation)
        existing = self.columns(tx, place)
        assert existing is not None, place
        counts = Counts()
        straight = self.insert_new(tx, load, place, existing) if load.files and load.rows else None
        if straight is not None:
            counts = straight
        elif load.files and load.rows:
            with self.rows_of(tx, load, existing) as source:
                target = self._target(load, place, source, existing)
                _check_keys(tx, target)
                with filled(tx, target) as whole:
                    counts = self._write(tx, whole)
        swept = Swept()
        if load.sweep is not None:
            self.keys_of(tx, load, existing)
            target = self._target(load, place, "", existing)
            swept = sweep(tx, target, load.sweep, SWEEP_KEYS)
            tx.run(self.dialect.drop_temporary(SWEEP_KEYS))
        return counts, swept

    def _seen_place(self, tx: Tx | None, table: str, generation: int) -> str:
        """`place`, also where our own tables are not there yet."""
        if generation and (tx is None or self.columns(tx, TABLES) is None):
            return shadow_name(table, generation, self.capabilities.table_limit)
        return self.place(tx, table, generation) if tx is not None else table

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
        statements = changes(self, tx, place, schema, key, mode)
        for statement in statements:
            tx.run(statement)
        return statements

    def _target(self, load: TableLoad, place: str, source: str, existing: pa.Schema) -> Target:
        return Target(self.dialect, load, self.qualified(place), source, existing)

    def _write(self, tx: Tx, target: Target) -> Counts:
        if target.load.mode is WriteMode.APPEND or not target.key:
            return append(tx, target)
        if target.load.mode is WriteMode.HISTORY:
            return history(tx, target)
        if target.load.deletes is Deletes.HARD and target.has_deleted:
            return remove(tx, target, self.merge_rows)
        return self.merge_rows(tx, target)


def _check_keys(tx: Tx, target: Target) -> None:
    if not target.key:
        return
    empty = " OR ".join(f"s.{name} IS NULL" for name in target.key)
    if one(tx, f"SELECT count(*) FROM {target.source} s WHERE {empty}"):
        raise DataError(
            "A row has no value in its key.",
            code="NULL_IN_PRIMARY_KEY",
            table=target.load.table,
        )


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
