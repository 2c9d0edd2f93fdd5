"""The activity log: what happened, newest first, only ever added to."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from penstock.core.clock import NowMs
from penstock.core.records import Activity, Severity
from penstock.store import tables as t
from penstock.store.engine import Database

RETENTION_MS: Final = 180 * 86_400_000


class ActivityLog:
    """The activity of one catalog."""

    def __init__(self, database: Database, now: NowMs) -> None:
        self._database = database
        self._now = now

    def append(self, entry: Activity) -> None:
        """Add an entry; its `id` and `at` are given here. Details hold no secrets."""
        row = {
            "at": self._now(),
            "severity": Severity(entry.severity).value,
            "pipeline": entry.pipeline,
            "actor": entry.actor,
            "action": entry.action,
            "summary": entry.summary,
            "details": dict(entry.details),
        }
        with self._database.write() as connection:
            connection.execute(sa.insert(t.activity).values(row))

    def list(
        self,
        *,
        pipeline: str | None = None,
        severity: str = Severity.MEDIUM,
        action: str | None = None,
        actor: str | None = None,
        since: int | None = None,
        until: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Activity]:
        """Newest first, of this severity and above; `before` is the last id of the page before.

        `since` (inclusive) and `until` are epoch ms.
        """
        levels = list(Severity)
        above = [level.value for level in levels[levels.index(Severity(severity)) :]]
        rows = t.activity
        query = sa.select(rows).where(rows.c.severity.in_(above))
        for column, value in (("pipeline", pipeline), ("action", action), ("actor", actor)):
            if value is not None:
                query = query.where(rows.c[column] == value)
        if since is not None:
            query = query.where(rows.c.at >= since)
        if until is not None:
            query = query.where(rows.c.at < until)
        if before is not None:
            query = query.where(rows.c.id < before)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(rows.c.id.desc()).limit(limit))
            return [_entry(row) for row in found]

    def purge(self, older_than_ms: int = RETENTION_MS, *, chunk: int = 1000) -> int:
        """Forget entries of that age, a few per transaction; returns how many."""
        rows = t.activity
        old = sa.select(rows.c.id).where(rows.c.at < self._now() - older_than_ms).limit(chunk)
        gone = 0
        while True:
            with self._database.write() as connection:
                done = connection.execute(sa.delete(rows).where(rows.c.id.in_(old)))
            gone += done.rowcount
            if done.rowcount < chunk:
                return gone


def _entry(row: sa.Row[Any]) -> Activity:
    return Activity(
        severity=Severity(row.severity),
        action=row.action,
        summary=row.summary,
        pipeline=row.pipeline,
        details=row.details or {},
        actor=row.actor,
        id=row.id,
        at=row.at,
    )
