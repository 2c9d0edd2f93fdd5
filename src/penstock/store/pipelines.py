"""Pipelines: their number, the lock that lets one job run, the fence that ends overtaken ones."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from penstock.core.clock import NowMs, new_id
from penstock.core.errors import ConfigError, InternalError, TransientError
from penstock.core.records import DataKind, JobRecord, JobStatus, JobType, PipelineRecord
from penstock.store import tables as t
from penstock.store.engine import Database
from penstock.store.jobs import abandon_jobs
from penstock.store.locks import HOST_LENGTH, AdvisoryLock, FileLock, pipeline_lock

_NAMED_WITHIN_S = 2.0
"""How long a refused job waits to learn the name of the one that runs."""


class Pipelines:
    """The pipelines of one catalog."""

    def __init__(self, database: Database, now: NowMs) -> None:
        self._database = database
        self._now = now
        self._held: dict[str, FileLock | AdvisoryLock] = {}

    def ensure(self, name: str, source_type: str, destination_type: str) -> PipelineRecord:
        """The pipeline of this name, made when there is none.

        Raises:
            ConfigError: it exists with other types, for which its positions mean nothing.
        """
        with self._database.write() as connection:
            row = connection.execute(_by_name(name)).one_or_none()
            if row is None:
                values = _new(name, source_type, destination_type, self._now())
                # Two processes may both have found none: the second insert does nothing.
                connection.execute(self._database.insert_new(t.pipeline, values))
                row = connection.execute(_by_name(name)).one()
        record = _record(row)
        _refuse_change(record, source_type, destination_type)
        return record

    def get(self, name: str) -> PipelineRecord:
        with self._database.read() as connection:
            row = connection.execute(_by_name(name)).one_or_none()
        if row is None:
            raise unknown_pipeline(name)
        return _record(row)

    def list(self) -> list[PipelineRecord]:
        """All of them, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(t.pipeline).order_by(t.pipeline.c.id))
            return [_record(row) for row in rows]

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Be the only one that writes for this pipeline; freed when this process dies.

        Raises:
            TransientError: another job runs; the hint names it and its process.
        """
        lock = pipeline_lock(self._database, name)
        if not lock.take():
            raise _running(name, *self._holder(name, lock))
        self._held[name] = lock
        try:
            yield
        finally:
            del self._held[name]
            lock.release()

    def begin_job(self, pipeline: str, job_type: str, data_kind: str) -> JobRecord:
        """A new job IN_PROGRESS with the next fence; jobs that a dead process left are given up.

        To be called while `lock` is held, once per job.
        """
        lock = self._held.get(pipeline)
        if lock is None:
            raise InternalError(
                "A job can begin only under its pipeline's lock.", pipeline=pipeline
            )
        now = self._now()
        with self._database.write() as connection:
            row = connection.execute(_by_name(pipeline).with_for_update()).one_or_none()
            if row is None:
                raise unknown_pipeline(pipeline)
            abandon_jobs(connection, row.id, now)
            record = _begin(pipeline, job_type, data_kind, row.fence + 1, now)
            connection.execute(
                sa.update(t.pipeline).where(t.pipeline.c.id == row.id).values(fence=row.fence + 1)
            )
            connection.execute(sa.insert(t.job).values(_job_row(record, row.id)))
        lock.tell(record.id)
        return record

    def overtake(self, record: JobRecord, fence: int) -> JobRecord:
        """The same job with a fence above this one, which a lost catalog once gave out."""
        if record.fence > fence:
            return record
        above = fence + 1
        with self._database.write() as connection:
            connection.execute(
                sa.update(t.pipeline)
                .where(t.pipeline.c.name == record.pipeline, t.pipeline.c.fence < above)
                .values(fence=above)
            )
            connection.execute(sa.update(t.job).where(t.job.c.id == record.id).values(fence=above))
        return replace(record, fence=above)

    def _holder(self, name: str, lock: FileLock | AdvisoryLock) -> tuple[str, Any]:
        """Job and process that hold the lock, each as far as it is known.

        Of two that start at once the loser is here before the winner's job has begun: it waits
        a little for the job's name.
        """
        last = time.monotonic() + _NAMED_WITHIN_S
        while True:
            told = lock.holder()
            job, pid = str(told.get("job") or ""), told.get("pid")
            if not job:
                job, pid = self._newest_running(name, pid, told.get("host"))
            if job or time.monotonic() >= last:
                return job, pid
            time.sleep(0.05)

    def _newest_running(self, name: str, pid: Any, host: str | None) -> tuple[str, Any]:
        """The lock's note names no job: a moment ago it began, or its server keeps no notes.

        Only a job of the process that has the lock: the newest may be of one that died.
        """
        query = (
            sa.select(t.job.c.id, t.job.c.pid)
            .join(t.pipeline)
            .where(t.pipeline.c.name == name, t.job.c.status == JobStatus.IN_PROGRESS.value)
            .order_by(t.job.c.number.desc())
            .limit(1)
        )
        if pid is not None:
            query = query.where(t.job.c.pid == pid)
        if host is not None:
            query = query.where(sa.func.substr(t.job.c.host, 1, HOST_LENGTH) == host)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return (row.id, row.pid) if row is not None else ("", pid)


def _running(name: str, job: str, pid: Any) -> TransientError:
    what = f"Job {job}" if job else "A job"
    who = f" (process {pid})" if pid else ""
    stop = f"stop it with `penstock jobs cancel {job}`" if job else "stop that process"
    return TransientError(
        "Another job of this pipeline is running.",
        hint=f"{what}{who} is running: wait for it, or {stop}.",
        code="job.running",
        pipeline=name,
        job=job or None,
        pid=pid,
    )


def pipeline_id(name: str) -> sa.ScalarSelect[int]:
    """The pipeline's number, inside a statement; NULL when there is none."""
    return sa.select(t.pipeline.c.id).where(t.pipeline.c.name == name).scalar_subquery()


def find_pipeline(connection: sa.Connection, name: str) -> int:
    """The pipeline's number, or `ConfigError`."""
    found = connection.execute(sa.select(pipeline_id(name))).scalar_one()
    if found is None:
        raise unknown_pipeline(name)
    return int(found)


def unknown_pipeline(name: str) -> ConfigError:
    return ConfigError(
        "The catalog knows no such pipeline.",
        hint="A pipeline is known once it has run; `penstock status` lists those that have.",
        code="pipeline.unknown",
        pipeline=name,
    )


def _by_name(name: str) -> sa.Select[Any]:
    return sa.select(t.pipeline).where(t.pipeline.c.name == name)


def _new(name: str, source_type: str, destination_type: str, now: int) -> dict[str, Any]:
    return {
        "name": name,
        "source_type": source_type,
        "destination_type": destination_type,
        "created_at": now,
        "ingested_floor": 0,
        "fence": 0,
    }


def _record(row: sa.Row[Any]) -> PipelineRecord:
    return PipelineRecord(**row._mapping)


def _refuse_change(record: PipelineRecord, source_type: str, destination_type: str) -> None:
    if (record.source_type, record.destination_type) == (source_type, destination_type):
        return
    raise ConfigError(
        f"This pipeline was made for {record.source_type} to {record.destination_type}, "
        f"and is now asked to join {source_type} to {destination_type}.",
        hint="Give the changed pipeline another name: it starts with positions of its own.",
        code="pipeline.changed",
        pipeline=record.name,
    )


def _begin(pipeline: str, job_type: str, data_kind: str, fence: int, now: int) -> JobRecord:
    return JobRecord(
        id=new_id(now),
        pipeline=pipeline,
        job_type=JobType(job_type),
        data_kind=DataKind(data_kind),
        status=JobStatus.IN_PROGRESS,
        fence=fence,
        started_at=now,
        pid=os.getpid(),
        host=platform.node(),
    )


def _job_row(record: JobRecord, pipeline: int) -> dict[str, Any]:
    return {
        "id": record.id,
        "pipeline_id": pipeline,
        "job_type": record.job_type.value,
        "data_kind": record.data_kind.value,
        "status": record.status.value,
        "fence": record.fence,
        "started_at": record.started_at,
        "cancel_wanted": False,
        "pid": record.pid,
        "host": record.host,
    }
