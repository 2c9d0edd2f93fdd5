"""Deleted rows that go (`Deletes.HARD`), in merge mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from penstock.sdk.sql.merge import Counts
from penstock.sdk.sql.target import DELETED, INGESTED, OP, Target
from penstock.sdk.sql.tx import Tx, one

GONE = "_ps_stg_gone"


def remove(tx: Tx, target: Target, merge: Callable[[Tx, Target], Counts]) -> Counts:
    """Take deleted rows away, unless the stored one is newer; merge the others.

    Keys are unique in a load, so that the order of the two does not matter.
    """
    deletes = one(tx, f"SELECT count(*) FROM {target.source} s WHERE s.{OP} = 'D'")
    if not deletes:
        return merge(tx, target)
    keys = ", ".join(f"t.{name}" for name in target.key)
    tx.run(
        f"CREATE TEMPORARY TABLE {GONE} AS SELECT DISTINCT {keys} FROM {target.source} s "
        f"JOIN {target.table} t ON {target.same_key('t', 's')} WHERE s.{OP} = 'D' "
        f"AND (t.{INGESTED} > s.{INGESTED}) IS NOT TRUE"
    )
    gone = one(tx, f"SELECT count(*) FROM {GONE}")
    if gone:
        tx.run(
            f"DELETE FROM {target.table} WHERE EXISTS (SELECT 1 FROM {GONE} g "
            f"WHERE {target.same_key('g', target.table)})"
        )
    tx.run(target.dialect.drop_temporary(GONE))
    load = replace(target.load, rows=target.load.rows - deletes)
    if not load.rows:
        return Counts(deleted=gone, unchanged=deletes - gone)
    source = f"(SELECT * FROM {target.source} d WHERE d.{OP} <> 'D')"
    counts = merge(tx, replace(target, source=source, load=load))
    return replace(counts, deleted=gone, unchanged=counts.unchanged + deletes - gone)


def purge(tx: Tx, table: str) -> None:
    """Rows that were flagged while their history was read."""
    tx.run(f"DELETE FROM {table} WHERE {DELETED} IS TRUE")
