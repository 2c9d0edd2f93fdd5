"""How a job ended: status of each object and of the job, exit code, summary, catalog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from penstock.core.batch import MOST_FAILED
from penstock.core.books import Books
from penstock.core.clock import now_ms
from penstock.core.errors import (
    InternalError,
    Interrupted,
    PenstockError,
    RateLimited,
    TransientError,
    Unavailable,
)
from penstock.core.progress import ObjectState, Summary
from penstock.core.records import (
    Activity,
    JobRecord,
    JobStatus,
    ObjectRecord,
    ObjectStatus,
    Severity,
)
from penstock.core.spec import PipelineSpec
from penstock.engine.run import Outcome
from penstock.sdk.source import SourceStats
from penstock.store import Catalog

Clean = Callable[[Any], Any]


@dataclass(frozen=True)
class Ending:
    """What the outcome means for the user."""

    status: JobStatus
    exit_code: int
    error: PenstockError | None


def settle_objects(
    states: Mapping[str, ObjectState], outcome: Outcome, *, interrupted: bool
) -> None:
    """Give each object its final status and error."""
    for name, state in states.items():
        error = outcome.objects.get(name)
        if error is not None:
            told = error.to_dict()
            state.error = {**told, "where": {"object": name, **told["where"]}}
        state.status = _object_status(state, error, outcome, interrupted=interrupted)
        if state.status == ObjectStatus.FAILED and error is None and outcome.fatal is not None:
            state.error = _stopped(outcome.fatal, name)
        state.ended_at = state.ended_at or (now_ms() if state.started_at else None)


def _stopped(fatal: PenstockError, name: str) -> dict[str, Any]:
    """What an object says that had no error of its own."""
    told = fatal.to_dict()
    message = f"It was not read to its end, because the job stopped: {fatal.message}"
    return {**told, "message": message, "where": {"object": name}}


def _object_status(
    state: ObjectState, error: PenstockError | None, outcome: Outcome, *, interrupted: bool
) -> ObjectStatus:
    # A record too large to load is none that failed, but without it not all is loaded.
    failures = state.books.failed > 0 or state.books.oversize > 0
    if isinstance(error, Unavailable):
        return ObjectStatus.UNAVAILABLE
    if isinstance(error, RateLimited):
        return ObjectStatus.DEFERRED_WITH_FAILURES if failures else ObjectStatus.DEFERRED
    if error is not None:
        return ObjectStatus.FAILED
    done = ObjectStatus.COMPLETED_WITH_FAILURES if failures else ObjectStatus.COMPLETED
    if state.read_whole and state.object not in outcome.waiting:
        return done
    if state.status == ObjectStatus.NOT_INITIALIZED:
        return ObjectStatus.CANCELED if interrupted or outcome.fatal else ObjectStatus.COMPLETED
    if interrupted:
        return ObjectStatus.CANCELED
    if outcome.fatal is not None:
        return ObjectStatus.FAILED
    return done


def judge(
    spec: PipelineSpec,
    states: Mapping[str, ObjectState],
    outcome: Outcome,
    *,
    interrupted: bool,
) -> Ending:
    """Status and exit code of the job (pipelines.md 11.2, interfaces.md 3)."""
    if outcome.fatal is not None and not isinstance(outcome.fatal, Interrupted):
        return Ending(JobStatus.FAILED, outcome.fatal.exit_code, outcome.fatal)
    if interrupted:
        return Ending(JobStatus.CANCELED, Interrupted.exit_code, None)
    errors = {n: e for n, e in outcome.objects.items() if not isinstance(e, Unavailable)}
    failed = sum(state.books.failed for state in states.values())
    dropped = sum(state.books.oversize for state in states.values())
    if not errors and not failed and not dropped:
        return Ending(JobStatus.COMPLETED, 0, None)
    worst = _worst(errors, len(states))
    # Not for records that are too large: no further try brings them.
    strict = spec.failure_policy == "STRICT" and (errors or failed)
    if strict or failed > MOST_FAILED or len(errors) == len(states):
        return Ending(JobStatus.FAILED, worst, next(iter(errors.values()), None))
    limited = [isinstance(error, RateLimited) for error in errors.values()]
    if any(limited):
        with_failures = failed or dropped or not all(limited)
        status = JobStatus.DEFERRED_WITH_FAILURES if with_failures else JobStatus.DEFERRED
        return Ending(status, worst, None)
    return Ending(JobStatus.COMPLETED_WITH_FAILURES, worst, None)


def _worst(errors: Mapping[str, PenstockError], objects: int) -> int:
    """75 when what all objects share is away, limiting or full, 3 when single objects failed."""
    passing = [error for error in errors.values() if isinstance(error, TransientError)]
    away = any(
        isinstance(error, RateLimited) or error.code.endswith(("unreachable", "disk_full"))
        for error in passing
    )
    return TransientError.exit_code if away or (passing and len(passing) == objects) else 3


def conclude(
    catalog: Catalog,
    job: JobRecord,
    spec: PipelineSpec,
    states: Mapping[str, ObjectState],
    outcome: Outcome,
    stats: SourceStats,
    warnings: list[str],
    *,
    interrupted: bool,
    waiting: int,
    clean: Clean,
) -> Summary:
    """Write the end of the job into the catalog and say what happened.

    Args:
        waiting: rows in closed packages that the next job delivers first.
        clean: takes secrets out of errors, which may quote what a server answered.
    """
    if isinstance(outcome.fatal, Interrupted) or (
        interrupted and isinstance(outcome.fatal, TransientError)
    ):
        # What was away while the user stopped the job is not what ended it.
        outcome = replace(outcome, fatal=None, interrupted=True)
    interrupted = (interrupted or outcome.interrupted) and outcome.fatal is None
    settle_objects(states, outcome, interrupted=interrupted)
    ending = judge(spec, states, outcome, interrupted=interrupted)
    totals = Books()
    for state in states.values():
        totals.add(state.books)
    ending = _balanced(states, ending, job.id)
    ended_at = max(now_ms(), job.started_at)
    source = source_counts(stats)
    error = clean(ending.error.to_dict()) if ending.error else None
    for state in states.values():
        state.error = clean(state.error)
        for record in _records(state):
            catalog.jobs.save_object(job.id, record)
        if state.books.oversize:
            catalog.activity.append(_dropped(job, state))
        if state.truncated:
            catalog.activity.append(_truncated(job, state))
    catalog.jobs.finish(
        job.id,
        ending.status,
        error=error,
        totals=totals,
        source=source,
        seconds=(ended_at - job.started_at) / 1000,
        warnings=tuple(warnings),
    )
    return Summary(
        pipeline=job.pipeline,
        job=job.id,
        status=ending.status,
        started_at=job.started_at,
        ended_at=ended_at,
        totals=totals,
        objects=tuple(states.values()),
        source=source,
        error=error,
        exit_code=ending.exit_code,
        warnings=tuple(warnings),
        waiting=waiting,
    )


def source_counts(stats: SourceStats) -> dict[str, Any]:
    """What is kept of a source's totals; how far a log is behind only where that is known."""
    counts: dict[str, Any] = {
        "calls": stats.calls, "rate_limited": stats.rate_limited, "retries": stats.retries
    }  # fmt: skip
    lag = {"lag_bytes": stats.lag_bytes, "lag_seconds": stats.lag_seconds}
    return {**counts, **{name: value for name, value in lag.items() if value is not None}}


def _balanced(states: Mapping[str, ObjectState], ending: Ending, job: str) -> Ending:
    """The same ending, or the failure that books which do not balance are."""
    try:
        for state in states.values():
            state.books.check(job=job, object=state.object)
    except InternalError as error:
        return Ending(JobStatus.FAILED, error.exit_code, error)
    return ending


def _dropped(job: JobRecord, state: ObjectState) -> Activity:
    """The entry about events over the size limit (pipelines.md 1.5); its warnings name them."""
    return Activity(
        severity=Severity.HIGH,
        action="events.oversize",
        summary=f"{state.books.oversize} events of {state.object} over the limit of 128 MB were "
        "not loaded.",
        pipeline=job.pipeline,
        details={"job": job.id, "object": state.object, "warnings": list(state.warnings)},
    )


def _truncated(job: JobRecord, state: ObjectState) -> Activity:
    """The entry about a table that its source emptied at once (pipelines.md 3.3)."""
    times = "once" if state.truncated == 1 else f"{state.truncated} times"
    return Activity(
        severity=Severity.HIGH,
        action="source.truncated",
        summary=f"{state.object} was emptied {times} in the source (TRUNCATE).",
        pipeline=job.pipeline,
        details={"job": job.id, "object": state.object},
    )


def _records(state: ObjectState) -> list[ObjectRecord]:
    """One for each event type that the object has had."""
    whole = _record(state)
    others = [
        replace(whole, event_type=name, table=of.table)
        for name, of in state.event_types.items()
        if name != state.event_type
    ]
    return [whole, *others]


def _record(state: ObjectState) -> ObjectRecord:
    seconds = None
    if state.started_at is not None and state.ended_at is not None:
        seconds = (state.ended_at - state.started_at) / 1000
    return ObjectRecord(
        object=state.object,
        event_type=state.event_type,
        table=state.table,
        mode=state.mode,
        status=state.status,
        books=state.books,
        checkpoint=state.checkpoint,
        seconds=seconds,
        error=state.error,
        started_at=state.started_at,
        ended_at=state.ended_at,
    )
