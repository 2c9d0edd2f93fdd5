"""Rows of jobs and their objects as records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from penstock.core.books import Books
from penstock.core.records import DataKind, JobRecord, JobStatus, JobType, ObjectRecord
from penstock.store import tables as t

MOST_WARNINGS: Final = 500
_MORE: Final = "There were more warnings than are kept here: see the log file."


def add_warnings(kept: list[str] | None, new: Iterable[str]) -> list[str]:
    """Both lists, each sentence once, in order of first appearance; cut at 500 with a remark."""
    together = list(dict.fromkeys([*(kept or []), *new]))
    if len(together) <= MOST_WARNINGS:
        return together
    return [*[text for text in together if text != _MORE][: MOST_WARNINGS - 1], _MORE]


def totals_of(connection: sa.Connection, jobs: Sequence[str]) -> dict[str, Books]:
    """Committed counts per job, summed over objects; zeros for a job that committed nothing."""
    sums = [sa.func.sum(t.job_object.c[name]).label(name) for name in t.COUNTS]
    query = (
        sa.select(t.job_object.c.job_id, *sums)
        .where(t.job_object.c.job_id.in_(jobs))
        .group_by(t.job_object.c.job_id)
    )
    totals = {job: Books() for job in jobs}
    for row in connection.execute(query):
        totals[row.job_id] = _books(row)
    return totals


def counted_objects(job_id: str) -> sa.Select[Any]:
    rows = t.job_object
    return sa.select(rows).where(rows.c.job_id == job_id).order_by(rows.c.object, rows.c.event_type)


def job_record(
    row: sa.Row[Any], committed: Books | None, objects: tuple[ObjectRecord, ...] = ()
) -> JobRecord:
    told = Books(**row.totals) if row.totals is not None else None
    return JobRecord(
        id=row.id,
        pipeline=row.pipeline,
        job_type=JobType(row.job_type),
        data_kind=DataKind(row.data_kind),
        status=JobStatus(row.status),
        fence=row.fence,
        started_at=row.started_at,
        ended_at=row.ended_at,
        seconds=row.seconds,
        totals=told or committed or Books(),
        source=row.source or {},
        error=row.error,
        warnings=tuple(row.warnings or ()),
        cancel_wanted=row.cancel_wanted,
        pid=row.pid,
        host=row.host,
        objects=objects,
    )


def object_record(row: sa.Row[Any]) -> ObjectRecord:
    return ObjectRecord(
        object=row.object,
        event_type=row.event_type,
        table=row.table_name,
        mode=row.mode,
        status=row.status,
        books=_books(row),
        checkpoint=row.checkpoint or {},
        seconds=row.seconds,
        error=row.error,
        started_at=row.started_at,
        ended_at=row.ended_at,
        ingest_stage=row.ingest_stage,
        load_stage=row.load_stage,
    )


def _books(row: sa.Row[Any]) -> Books:
    # PostgreSQL sums whole numbers into decimals.
    return Books(**{name: int(row._mapping[name]) for name in t.COUNTS})
