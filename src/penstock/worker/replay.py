"""Failed events: show them, and send them through the pipeline again."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from penstock.control.workspace import Workspace
from penstock.core.progress import Summary, Watcher
from penstock.core.records import FailedFilter, FailedState
from penstock.store import Catalog
from penstock.worker.catalog import opened
from penstock.worker.events import chosen_events, raw_events
from penstock.worker.jobs import run_pipeline
from penstock.worker.mapper_save import queue_unmapped
from penstock.worker.options import RunOptions
from penstock.worker.staging import open_staging

WAITING: Final = (FailedState.FAILED, FailedState.QUEUED_FOR_REPLAY)
"""States of events that are in no table yet."""


def show(
    workspace: Workspace, pipeline: str, limit: int, filters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Failed events with their raw form, as plain values. `filters` as in `FailedFilter`."""
    workspace.pipeline(pipeline)
    with closing(Catalog.open(workspace.catalog_url)) as catalog:
        rows = chosen_events(catalog, pipeline, _filter(**filters), limit)
        staging = open_staging(workspace, catalog, pipeline) if rows else None
    events = raw_events(staging, rows) if staging else []
    return [
        {
            "id": row.id,
            "object": row.object,
            "event_type": row.event_type,
            "stage": row.stage,
            "code": row.code,
            "reason": row.reason,
            "sub_code": event.sub_code or None,
            "line": event.line,
            "traceback": event.traceback.splitlines() if event.traceback else [],
            "key": row.key,
            "state": str(row.state),
            "attempt": row.attempt,
            "job": row.job,
            "ingested_at": row.ingested_at,
            "raw": event.raw,
        }
        for row, event in zip(rows, events, strict=True)
    ]


def replay(
    workspace: Workspace,
    pipeline: str,
    *,
    object: str | None = None,  # noqa: A002 (the word users know)
    event_type: str | None = None,
    code: str | None = None,
    ids: Sequence[int] = (),
    watcher: Watcher,
    cancel: threading.Event,
) -> Summary:
    """One job of type REPLAY over the chosen events; those that fail again stay failed."""
    wanted = _filter(object=object, event_type=event_type, code=code, ids=ids)
    return run_pipeline(workspace, pipeline, RunOptions(replay=wanted), watcher, cancel)


def replay_queued(
    workspace: Workspace, pipeline: str, watcher: Watcher, cancel: threading.Event
) -> Summary | None:
    """A REPLAY job over the events that wait for one since their cause was mended; None without.

    Events that fail again do so as new ones; those whose object the source does not offer any
    more go on waiting.
    """
    waiting = FailedFilter(states=(FailedState.QUEUED_FOR_REPLAY,))
    with opened(workspace) as catalog:
        known = catalog is not None and pipeline in {p.name for p in catalog.pipelines.list()}
        if catalog is None or not known:
            return None
        queue_unmapped(catalog, pipeline, auto_mapping=workspace.pipeline(pipeline).auto_mapping)
        if not catalog.failed.count(pipeline, waiting):
            return None
    return run_pipeline(workspace, pipeline, RunOptions(replay=waiting), watcher, cancel)


def _filter(**given: Any) -> FailedFilter:
    given.setdefault("states", WAITING)
    if "ids" in given:
        given["ids"] = tuple(given["ids"]) or None
    return FailedFilter(**given)
