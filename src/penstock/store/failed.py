"""The index of failed events: where each one lies, why it failed, what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa

from penstock.core.clock import NowMs
from penstock.core.records import (
    CommitRecord,
    FailedFilter,
    FailedGroup,
    FailedRow,
    FailedState,
    MappingStatus,
)
from penstock.store import tables as t
from penstock.store.engine import Database
from penstock.store.pipelines import pipeline_id

RETENTION_MS: Final = 30 * 86_400_000
RECORD_RETENTION_MS: Final = 90 * 86_400_000
_OPEN: Final = (FailedState.FAILED, FailedState.QUEUED_FOR_REPLAY, FailedState.REPLAYING)
_CLOSED: Final = (FailedState.RESOLVED, FailedState.SKIPPED, FailedState.PURGED)
_FROM: Final = {
    FailedState.FAILED: (FailedState.QUEUED_FOR_REPLAY, FailedState.REPLAYING),
    FailedState.QUEUED_FOR_REPLAY: (FailedState.FAILED,),
    FailedState.REPLAYING: (FailedState.QUEUED_FOR_REPLAY,),
    FailedState.RESOLVED: _OPEN,  # loaded is loaded, whatever a crash left in the state
    FailedState.SKIPPED: (FailedState.FAILED,),
    FailedState.PURGED: (FailedState.FAILED,),
}
_EVERY: Final = FailedFilter()
_CHUNK: Final = 5000


class FailedEvents:
    """The failed events of each pipeline; by default only those FAILED now."""

    def __init__(self, database: Database, now: NowMs) -> None:
        self._database = database
        self._now = now

    def groups(
        self, pipeline: str, where: FailedFilter = _EVERY, *, limit: int = 1000
    ) -> list[FailedGroup]:
        """Counted by event type, stage, code and reason; the largest first.

        Event types that are skipped are left out, unless one is asked for (pipelines.md 14.4).
        """
        rows = t.failed_event.c
        by = (rows.event_type, rows.stage, rows.code, rows.reason)
        count = sa.func.count().label("how_many")
        span = (sa.func.min(rows.created_at), sa.func.max(rows.created_at))
        query = sa.select(*by, count, *span).group_by(*by).order_by(count.desc(), *by).limit(limit)
        if where.event_type is None and where.ids is None:
            query = query.where(_not_skipped())
        with self._database.read() as connection:
            found = connection.execute(_narrow(query, pipeline, where))
            return [FailedGroup(*row) for row in found]

    def list(
        self,
        pipeline: str,
        where: FailedFilter = _EVERY,
        *,
        limit: int | None = 100,
        offset: int = 0,
        after: int = 0,
    ) -> list[FailedRow]:
        """Oldest first. To walk through many, pass the last id as `after`; offsets count rows."""
        rows = t.failed_event
        query = _narrow(sa.select(rows), pipeline, where).where(rows.c.id > after)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(rows.c.id).limit(limit).offset(offset))
            return [_row(pipeline, row) for row in found]

    def count(self, pipeline: str, where: FailedFilter = _EVERY) -> int:
        query = sa.select(sa.func.count()).select_from(t.failed_event)
        with self._database.read() as connection:
            return int(connection.execute(_narrow(query, pipeline, where)).scalar_one())

    def open_counts(self) -> dict[str, int]:
        """Events FAILED now, per pipeline that has any, without those of skipped event types."""
        query = (
            sa.select(t.pipeline.c.name, sa.func.count())
            .join(t.failed_event)
            .where(t.failed_event.c.state == FailedState.FAILED.value, _not_skipped())
            .group_by(t.pipeline.c.name)
        )
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def mark(self, pipeline: str, which: FailedFilter | Iterable[int], state: str) -> int:
        """Move events to a state that may follow theirs; returns how many could.

        Going back from REPLAYING to FAILED counts one attempt more.
        """
        if not isinstance(which, FailedFilter):
            which = FailedFilter(states=(), ids=tuple(which))
        moved = 0
        for where in _pieces(which):
            statement = _narrow(_change(FailedState(state)), pipeline, where)
            with self._database.write() as connection:
                moved += connection.execute(statement).rowcount
        return moved

    def files_in_use(self, pipeline: str) -> set[str]:
        """Files that hold an event which may still be replayed; the others may go."""
        rows = t.failed_event.c
        query = sa.select(rows.file).where(
            rows.pipeline_id == pipeline_id(pipeline), rows.state.in_(_values(_OPEN))
        )
        with self._database.read() as connection:
            return set(connection.execute(query.distinct()).scalars())

    def settled_files(self, pipeline: str) -> set[str]:
        """Files whose events were all loaded after all, skipped or given up."""
        rows = t.failed_event.c
        query = sa.select(rows.file).where(
            rows.pipeline_id == pipeline_id(pipeline), rows.state.in_(_values(_CLOSED))
        )
        with self._database.read() as connection:
            closed = set(connection.execute(query.distinct()).scalars())
        return closed - self.files_in_use(pipeline)

    def purge(
        self, older_than_ms: int = RETENTION_MS, *, record_ms: int = RECORD_RETENTION_MS
    ) -> int:
        """Give up events that failed so long ago; returns how many. Rows go after `record_ms`."""
        rows, now = t.failed_event.c, self._now()
        stale = sa.and_(
            rows.state == FailedState.FAILED.value, rows.created_at < now - older_than_ms
        )
        gone = sa.and_(rows.state.in_(_values(_CLOSED)), rows.created_at < now - record_ms)
        purged = self._in_pieces(_change(FailedState.PURGED), stale)
        self._in_pieces(sa.delete(t.failed_event), gone)
        return purged

    def _in_pieces(self, statement: Any, where: sa.ColumnElement[bool]) -> int:
        rows = t.failed_event.c
        piece = statement.where(rows.id.in_(sa.select(rows.id).where(where).limit(_CHUNK)))
        done = 0
        while True:
            with self._database.write() as connection:
                count = connection.execute(piece).rowcount
            done += count
            if count < _CHUNK:
                return done


def insert_failed(connection: sa.Connection, record: CommitRecord, pipeline: int, now: int) -> None:
    """Index the failed events of a package; part of its commit."""
    if not record.failed:
        return
    rows = [_values_of(row, record.job, pipeline, now) for row in record.failed]
    connection.execute(sa.insert(t.failed_event), rows)


def resolve(connection: sa.Connection, pipeline: str, ids: tuple[int, ...]) -> None:
    """Mark events as loaded after all; part of the commit of the package that holds them."""
    for where in _pieces(FailedFilter(states=(), ids=ids)):
        connection.execute(_narrow(_change(FailedState.RESOLVED), pipeline, where))


def _change(to: FailedState) -> sa.Update:
    rows = t.failed_event
    statement = sa.update(rows).where(rows.c.state.in_(_values(_FROM[to])))
    if to is not FailedState.FAILED:
        return statement.values(state=to.value)
    replayed = sa.case((rows.c.state == FailedState.REPLAYING.value, 1), else_=0)
    return statement.values(state=to.value, attempt=rows.c.attempt + replayed)


def _not_skipped() -> sa.ColumnElement[bool]:
    mapping, rows = t.mapping.c, t.failed_event.c
    skipped = sa.select(mapping.event_type).where(
        mapping.pipeline_id == rows.pipeline_id,
        mapping.event_type == rows.event_type,
        mapping.status == MappingStatus.SKIPPED.value,
    )
    return ~skipped.exists()


def _narrow(statement: Any, pipeline: str, where: FailedFilter) -> Any:
    rows = t.failed_event.c
    statement = statement.where(rows.pipeline_id == pipeline_id(pipeline))
    if where.states:
        statement = statement.where(rows.state.in_(_values(where.states)))
    for name in ("object", "event_type", "stage", "code", "reason"):
        if (value := getattr(where, name)) is not None:
            statement = statement.where(rows[name] == storable(value))
    if where.job is not None:
        statement = statement.where(rows.job_id == where.job)
    if where.ids is not None:
        statement = statement.where(rows.id.in_(where.ids))
    return statement


def _pieces(where: FailedFilter) -> Iterator[FailedFilter]:
    """The same filter, with no more ids at a time than a statement may carry."""
    if where.ids is None:
        yield where
        return
    for start in range(0, len(where.ids), _CHUNK):
        yield replace(where, ids=where.ids[start : start + _CHUNK])


def _values(states: Iterable[FailedState]) -> list[str]:
    return [FailedState(state).value for state in states]


def _values_of(row: FailedRow, job: str, pipeline: int, now: int) -> dict[str, Any]:
    return {
        "pipeline_id": pipeline,
        "job_id": job,
        "load_id": row.load_id,
        "n": row.n,
        "object": row.object,
        "event_type": row.event_type,
        "stage": row.stage,
        "code": row.code,
        "reason": storable(row.reason),
        "key": storable(row.key) if row.key is not None else None,
        "ingested_at": row.ingested_at,
        "seq": row.seq,
        "file": row.file,
        "file_row": row.file_row,
        "state": FailedState.FAILED.value,
        "attempt": row.attempt,
        "created_at": now,
    }


def _row(pipeline: str, row: sa.Row[Any]) -> FailedRow:
    values = dict(row._mapping)
    del values["pipeline_id"]
    job, state = values.pop("job_id"), FailedState(values.pop("state"))
    return FailedRow(**values, pipeline=pipeline, job=job, state=state)


def storable(text: str) -> str:
    """Text that both databases take: what events hold may have NULs and halves of surrogates."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
