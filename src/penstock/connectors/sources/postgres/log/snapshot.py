"""Which transactions a read has seen, to tell its rows from changes in the log."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import psycopg2

from penstock.connectors.sources.postgres.log.lsn import lsn_number
from penstock.connectors.sources.postgres.log.messages import Ints, Mask
from penstock.core.errors import ObjectFailed

_ROUND: Final = 1 << 32
_PATIENCE_S: Final = 120.0
_LOOK_S: Final = 0.05
_NUMBERED: Final = 130_000

# What is visible was written to the log before it became so, if perhaps only in memory: the
# place where the next record goes lies behind all of it.
_TAKE: Final = """
SELECT {snapshot}::text, pg_is_in_recovery(), CASE WHEN pg_is_in_recovery()
  THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
  ELSE pg_current_wal_insert_lsn() END::text
"""


@dataclass(frozen=True)
class Snapshot:
    """What one transaction sees of all others.

    Args:
        low: every transaction below is over.
        high: none from here on had ended.
        open: those between that had not ended; no transactions inside of others.
        lsn: all that is seen was committed before this place in the log.
    """

    low: int
    high: int
    open: tuple[int, ...]
    lsn: int

    @staticmethod
    def parsed(text: str, lsn: int) -> Snapshot:
        """From the server's words, `low:high:one,another`."""
        low, high, rest = text.split(":")
        return Snapshot(int(low), int(high), tuple(map(int, filter(None, rest.split(",")))), lsn)

    @staticmethod
    def of(raw: Mapping[str, Any]) -> Snapshot:
        """From plain values, as `raw` gives them."""
        return Snapshot(**{**raw, "open": tuple(raw["open"])})

    def raw(self) -> dict[str, Any]:
        return {**asdict(self), "open": list(self.open)}

    def sees(self, transactions: Ints) -> Mask:
        """Which of these are seen, by their numbers of 32 bits as the log has them.

        They are taken for the nearest of all numbers that end so: right up to `lsn`, behind
        which nothing is seen, but not for ever.
        """
        below = (self.high - transactions) % _ROUND
        numbers = self.high - np.where(below < _ROUND // 2, below, below - _ROUND)
        open_ = np.isin(numbers, np.array(self.open, np.int64))
        seen: Mask = (numbers < self.low) | ((numbers < self.high) & ~open_)
        return seen


def take(cursor: Any, table: str, version: int, cancel: threading.Event) -> Snapshot:
    """The snapshot of a transaction that has just begun; it lasts as long as the transaction.

    Args:
        table: quoted; it is locked against being emptied or rewritten, as every query locks
            it, for rows that went so are missing from older snapshots too.

    Raises:
        ObjectFailed: a standby always had transactions open, of which it does not say which.
    """
    waited = 0.0
    while True:
        _lock(cursor, table)
        cursor.execute(_TAKE.format(snapshot=words(version)))
        text, standby, lsn = cursor.fetchone()
        found = Snapshot.parsed(text, lsn_number(lsn))
        if not standby or found.low == found.high or cancel.is_set():
            return found
        if waited >= _PATIENCE_S:
            raise ObjectFailed(
                f"The standby cannot say which rows of {table} its log will bring: there was no "
                f"moment without an open transaction in {_PATIENCE_S:.0f} seconds.",
                hint="Give the table a primary key, or follow the log of the primary server.",
                code="source.standby_snapshot",
            )
        cursor.execute("ROLLBACK AND CHAIN")
        cancel.wait(_LOOK_S)
        waited += _LOOK_S


def words(version: int) -> str:
    """What gives the snapshot of a query, in a server of this version."""
    return "pg_current_snapshot()" if version >= _NUMBERED else "txid_current_snapshot()"


def _lock(cursor: Any, table: str) -> None:
    """A user who may read some of the columns only may not lock the table; it is read anyway."""
    cursor.execute("SAVEPOINT lock")
    try:
        cursor.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
    except psycopg2.errors.InsufficientPrivilege:
        cursor.execute("ROLLBACK TO SAVEPOINT lock")
