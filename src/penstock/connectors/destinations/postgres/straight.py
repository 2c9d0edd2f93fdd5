"""Rows of which none is stored yet: by COPY straight into their table, decision 0035."""

from __future__ import annotations

import psycopg
import pyarrow as pa

from penstock.connectors.destinations.postgres.catalogue import has_rules, has_unique_index
from penstock.connectors.destinations.postgres.copy import CopyRows, copy_rows
from penstock.connectors.destinations.postgres.dialect import PostgresDialect, takes_binary
from penstock.connectors.destinations.postgres.tx import PostgresTx
from penstock.core.load import Deletes, TableLoad, WriteMode
from penstock.core.metadata import INSTANTS, LOADED_AT
from penstock.sdk.sql.facts import Facts, facts
from penstock.sdk.sql.merge import Counts
from penstock.sdk.sql.target import Target

# What a row can be refused for; the long way finds out which row, or mends it.
_REFUSALS = (
    psycopg.errors.IntegrityError,
    psycopg.errors.DataError,
    psycopg.errors.RaiseException,
    # Row-level security: COPY is not for such tables.
    psycopg.errors.FeatureNotSupported,
)


class Straight:
    """The short way into the tables of one destination.

    A key that is stored already ends the COPY, at the latest in the table's unique index: so
    what is found out before need only be likely.
    """

    def __init__(self, dialect: PostgresDialect) -> None:
        self._dialect = dialect
        # Tables that were empty, and have taken nothing but new keys since.
        self._fresh: set[str] = set()

    def insert(self, tx: PostgresTx, target: Target) -> tuple[Counts, tuple[str, ...]] | None:
        """What became of the rows, and warnings; None, and nothing done, when it is no way."""
        load, merging = target.load, target.load.mode is WriteMode.MERGE and target.load.key
        if not self._suits(load, target.existing) or has_rules(tx, target.table):
            return None
        known = facts(load)
        if (load.key and not known.plain) or (known.deletes and load.deletes is Deletes.HARD):
            return None
        if merging and not self._brings_new(tx, target, known):
            return None
        rows = CopyRows(load.files, load.schema, pa.array([load.loaded_at], pa.int64()))
        if not self._copied(tx, target, rows):
            self._fresh.discard(target.table)
            return None
        gone = known.tombstones(load, target.existing)
        return Counts(inserted=load.rows - gone, deleted=gone), rows.warnings

    def _suits(self, load: TableLoad, existing: pa.Schema) -> bool:
        """Whether the table takes the values as they are sent: the same types and times."""
        if load.mode is WriteMode.HISTORY or load.left_out:
            return False
        # `_ps_loaded_at` is sent as a number.
        return existing.field(LOADED_AT).type == pa.int64() and all(
            takes_binary(self._dialect, existing.field(field.name), field)
            and (field.name not in INSTANTS or field.type == existing.field(field.name).type)
            for field in load.schema
        )

    def _brings_new(self, tx: PostgresTx, target: Target, known: Facts) -> bool:
        """Whether it is likely that no key of the load is stored."""
        if not has_unique_index(tx, target.table, target.load.key):
            return False
        if not tx.rows(f"SELECT 1 FROM {target.table} LIMIT 1"):
            self._fresh.add(target.table)
        if target.table in self._fresh:
            return True
        if known.span is None:
            return False
        first, last = known.span
        name = target.key[0]
        # In this form an index is read, whatever the planner thinks of the table.
        found = tx.rows(
            f"SELECT {name} FROM {target.table} WHERE {name} >= {first} ORDER BY {name} LIMIT 1"
        )
        return not found or found[0][0] > last

    def _copied(self, tx: PostgresTx, target: Target, rows: CopyRows) -> bool:
        names = f"{target.listed()}, {self._dialect.ident(LOADED_AT)}"
        whole = False
        try:
            with tx.connection.transaction():
                whole = copy_rows(tx, f"{target.table} ({names})", rows) == target.load.rows
                if not whole:
                    # A trigger left some out: the long way counts them.
                    raise psycopg.Rollback
        except _REFUSALS:
            return False
        return whole
