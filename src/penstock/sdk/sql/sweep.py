"""Flag rows that a complete read of the source no longer had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from penstock.core import metadata
from penstock.core.load import Deletes, Sweep, WriteMode
from penstock.sdk.sql.engine import SWEEP_GROUPS
from penstock.sdk.sql.target import ACTIVE, DELETED, FROM, INGESTED, LOADED, OP, TO, Target
from penstock.sdk.sql.tx import Tx, one


@dataclass(frozen=True)
class Swept:
    """Rows flagged, or held back because they are too many."""

    flagged: int = 0
    held: int = 0


def sweep(tx: Tx, target: Target, plan: Sweep, keys: str) -> Swept:
    """Flag live rows whose key is not in `keys` (a table of key columns).

    When more than the safety share of the live rows would be flagged, none is: a source
    that suddenly shows much less is more often broken than emptied.
    """
    with _meant(tx, target, plan, keys) as meant:
        return _swept(tx, target, plan, keys, meant)


@contextmanager
def _meant(tx: Tx, target: Target, plan: Sweep, keys: str) -> Iterator[str]:
    """The condition for rows that the sweep may flag."""
    if plan.group is None:
        yield "TRUE"
        return
    group = target.dialect.ident(plan.group)
    # A table of its own: MySQL cannot look into a temporary one twice in a statement.
    tx.run(f"CREATE TEMPORARY TABLE {SWEEP_GROUPS} AS SELECT DISTINCT {group} FROM {keys}")
    yield f"t.{group} IN (SELECT {group} FROM {SWEEP_GROUPS})"
    tx.run(target.dialect.drop_temporary(SWEEP_GROUPS))


def _swept(tx: Tx, target: Target, plan: Sweep, keys: str, meant: str) -> Swept:
    history = target.load.mode is WriteMode.HISTORY
    live = f"t.{ACTIVE}" if history else f"t.{DELETED} IS NOT TRUE"
    if not history and not target.has_deleted:
        return Swept()
    started = target.instant(metadata.INGESTED_AT, plan.started_at)
    deleted = target.instant(metadata.INGESTED_AT, plan.deleted_at)
    gone = (
        f"{live} AND t.{INGESTED} <= {started} AND {meant} "
        f"AND NOT EXISTS (SELECT 1 FROM {keys} k WHERE {target.same_key('t', 'k')})"
    )
    missing = one(tx, f"SELECT count(*) FROM {target.table} t WHERE {gone}")
    if not missing:
        return Swept()
    total = one(tx, f"SELECT count(*) FROM {target.table} t WHERE {live}")
    if missing > total * plan.safety_share:
        return Swept(held=missing)
    if target.load.deletes is Deletes.HARD:
        tx.run(target.dialect.delete(target.table, "t", gone))
        return Swept(flagged=missing)
    values = f"{LOADED} = {target.loaded}, {INGESTED} = {deleted}"
    if history:
        dialect = target.dialect
        end = f"{dialect.moment(str(plan.deleted_at))} - {dialect.milliseconds()}"
        # The change time of a source whose clock is ahead may be later than this read.
        values += f", {ACTIVE} = FALSE, {TO} = GREATEST(t.{FROM}, {end})"
    if target.has_deleted:
        values += f", {DELETED} = TRUE"
    if target.keeps_op and not history:
        values += f", {OP} = 'D'"
    tx.run(f"UPDATE {target.table} AS t SET {values} WHERE {gone}")
    return Swept(flagged=missing)
