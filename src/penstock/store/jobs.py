"""Jobs: what each execution of a pipeline did, per object, and the wish to stop it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from penstock.core.books import Books
from penstock.core.clock import NowMs
from penstock.core.errors import ConfigError
from penstock.core.records import JobRecord, JobStatus, ObjectRecord, ObjectStatus
from penstock.store import tables as t
from penstock.store.engine import Database
from penstock.store.job_rows import (
    add_warnings,
    counted_objects,
    job_record,
    object_record,
    totals_of,
)

RETENTION_MS: Final = 90 * 86_400_000
_OPEN: Final = (JobStatus.NOT_STARTED.value, JobStatus.IN_PROGRESS.value)
_LOST: Final = {
    "code": "job.lost",
    "message": "The process that ran this job died before it could finish.",
    "hint": "Nothing is lost: the next run goes on from the last saved position.",
    "where": {},
}


class Jobs:
    """The jobs of one catalog."""

    def __init__(self, database: Database, now: NowMs) -> None:
        self._database = database
        self._now = now

    def finish(
        self,
        job_id: str,
        status: str,
        *,
        error: Mapping[str, Any] | None = None,
        totals: Books | None = None,
        source: Mapping[str, Any] | None = None,
        seconds: float | None = None,
        warnings: Iterable[str] = (),
    ) -> bool:
        """Close a job; False when it was closed before (as lost, by whoever overtook it).

        Without `totals` they are the sum of what was committed. Warnings join those that
        commits left. `seconds` is elapsed time by a clock that cannot be set back.
        """
        with self._database.write() as connection:
            row = connection.execute(_by_id(job_id).with_for_update()).one_or_none()
            if row is None:
                raise unknown_job(job_id)
            if row.status not in _OPEN:
                return False
            books = totals if totals is not None else totals_of(connection, [job_id])[job_id]
            values = {
                "status": JobStatus(status).value,
                "error": dict(error) if error is not None else None,
                "totals": books.to_dict(),
                "source": dict(source or {}),
                "warnings": add_warnings(row.warnings, warnings),
                "ended_at": self._now(),
                "seconds": seconds,
            }
            connection.execute(sa.update(t.job).where(t.job.c.id == job_id).values(values))
        return True

    def note_source(self, job_id: str, source: Mapping[str, Any]) -> None:
        """What a running job's source has cost so far, and how far its log is behind."""
        statement = sa.update(t.job).where(t.job.c.id == job_id, t.job.c.status.in_(_OPEN))
        with self._database.write() as connection:
            connection.execute(statement.values(source=dict(source)))

    def save_object(self, job_id: str, record: ObjectRecord) -> None:
        """Insert or replace an object's row, except its counts: only commits change those."""
        values = {
            "job_id": job_id,
            "object": record.object,
            "event_type": record.event_type,
            "table_name": record.table,
            "mode": record.mode,
            "status": ObjectStatus(record.status).value,
            "ingest_stage": ObjectStatus(record.ingest_stage).value,
            "load_stage": ObjectStatus(record.load_stage).value,
            "checkpoint": dict(record.checkpoint),
            "error": dict(record.error) if record.error is not None else None,
            "seconds": record.seconds,
            "started_at": record.started_at,
            "ended_at": record.ended_at,
        }
        update = [name for name in values if name not in ("job_id", "object", "event_type")]
        row = {**values, **dict.fromkeys(t.COUNTS, 0)}
        with self._database.write() as connection:
            connection.execute(self._database.upsert(t.job_object, row, update))

    def list(
        self, pipeline: str | None = None, limit: int = 50, before: str | None = None
    ) -> list[JobRecord]:
        """Newest first, by order of beginning. `before` is the last job id of the page before."""
        query = _named().order_by(t.job.c.number.desc()).limit(limit)
        if pipeline is not None:
            query = query.where(t.pipeline.c.name == pipeline)
        if before is not None:
            number = sa.select(t.job.c.number).where(t.job.c.id == before).scalar_subquery()
            query = query.where(t.job.c.number < number)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            running = [row.id for row in rows if row.totals is None]
            totals = totals_of(connection, running) if running else {}
        return [job_record(row, totals.get(row.id)) for row in rows]

    def objects(self, pipeline: str) -> set[str]:
        """Names of all objects that a job of this pipeline has had."""
        query = (
            sa.select(t.job_object.c.object)
            .distinct()
            .join(t.job, t.job.c.id == t.job_object.c.job_id)
            .join(t.pipeline, t.pipeline.c.id == t.job.c.pipeline_id)
            .where(t.pipeline.c.name == pipeline)
        )
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def get(self, job_id: str) -> JobRecord:
        """One job with its objects; the beginning of an id will do while it is the only one.

        Raises:
            ConfigError: no id begins so, or several do.
        """
        wanted = job_id.upper()
        with self._database.read() as connection:
            rows = connection.execute(_named().where(t.job.c.id == wanted)).all()
            if not rows and wanted:
                begins = sa.func.substr(t.job.c.id, 1, len(wanted)) == wanted
                order = t.job.c.number.desc()
                rows = connection.execute(_named().where(begins).order_by(order).limit(4)).all()
            if not rows:
                raise unknown_job(job_id)
            if len(rows) > 1:
                raise _ambiguous(job_id, [row.id for row in rows])
            totals = totals_of(connection, [rows[0].id])[rows[0].id]
            objects = connection.execute(counted_objects(rows[0].id)).all()
        return job_record(rows[0], totals, tuple(object_record(row) for row in objects))

    def request_cancel(self, job_id: str) -> bool:
        """Ask a job to stop; False when it has ended already."""
        found = self.get(job_id)
        with self._database.write() as connection:
            done = connection.execute(
                sa.update(t.job)
                .where(t.job.c.id == found.id, t.job.c.status.in_(_OPEN))
                .values(cancel_wanted=True)
            )
        return done.rowcount > 0

    def cancel_wanted(self, job_id: str) -> bool:
        """Whether somebody asked the job to stop; cheap enough to ask every second."""
        query = sa.select(t.job.c.cancel_wanted).where(t.job.c.id == job_id)
        with self._database.read() as connection:
            return bool(connection.execute(query).scalar_one_or_none())

    def abandon(self, pipeline: str) -> tuple[str, ...]:
        """Close jobs that a dead process left, as FAILED; call it under the lock."""
        with self._database.write() as connection:
            found = connection.execute(
                sa.select(t.pipeline.c.id).where(t.pipeline.c.name == pipeline)
            ).scalar_one_or_none()
            return abandon_jobs(connection, found, self._now()) if found is not None else ()

    def purge(self, older_than_ms: int = RETENTION_MS, *, chunk: int = 200) -> int:
        """Forget jobs ended so long ago, a few per transaction; every pipeline keeps its newest."""
        newest = sa.select(sa.func.max(t.job.c.number)).group_by(t.job.c.pipeline_id)
        old = (
            sa.select(t.job.c.id)
            .where(t.job.c.ended_at < self._now() - older_than_ms, t.job.c.number.not_in(newest))
            .limit(chunk)
        )
        gone = 0
        while True:
            with self._database.write() as connection:
                ids = connection.execute(old).scalars().all()
                connection.execute(sa.delete(t.job).where(t.job.c.id.in_(ids)))
            gone += len(ids)
            if len(ids) < chunk:
                return gone


def abandon_jobs(connection: sa.Connection, pipeline: int, now: int) -> tuple[str, ...]:
    """Close what a dead process left in progress; returns the ids."""
    query = sa.select(t.job.c.id).where(
        t.job.c.pipeline_id == pipeline, t.job.c.status == JobStatus.IN_PROGRESS.value
    )
    ids = connection.execute(query).scalars().all()
    if not ids:
        return ()
    totals = totals_of(connection, ids)
    for job_id in ids:
        values = {"status": JobStatus.FAILED.value, "error": _LOST, "ended_at": now}
        values["totals"] = totals[job_id].to_dict()
        connection.execute(sa.update(t.job).where(t.job.c.id == job_id).values(values))
    connection.execute(
        sa.update(t.job_object)
        .where(t.job_object.c.job_id.in_(ids))
        .where(t.job_object.c.status == ObjectStatus.IN_PROGRESS.value)
        .values(status=ObjectStatus.FAILED.value, error=_LOST, ended_at=now)
    )
    return tuple(ids)


def unknown_job(job_id: str) -> ConfigError:
    return ConfigError(
        "There is no such job.",
        hint="`penstock jobs` lists them; the beginning of an id is enough.",
        code="job.unknown",
        job=job_id,
    )


def _ambiguous(job_id: str, found: list[str]) -> ConfigError:
    return ConfigError(
        "Several jobs have an id that begins so.",
        hint=f"Type more of it; some are: {', '.join(found)}.",
        code="job.ambiguous",
        job=job_id,
    )


def _by_id(job_id: str) -> sa.Select[Any]:
    return sa.select(t.job.c.status, t.job.c.warnings).where(t.job.c.id == job_id)


def _named() -> sa.Select[Any]:
    return sa.select(t.job, t.pipeline.c.name.label("pipeline")).join(t.pipeline)
