"""Go on after the position in a change log was lost (pipelines.md 19.3): decision 0033."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from penstock.control.workspace import Workspace
from penstock.core.checkpoint import Checkpoint
from penstock.core.progress import Summary, Watcher
from penstock.core.records import Activity, JobStatus, Severity
from penstock.core.splits import LOG_SPLIT, history_is_read
from penstock.core.stream import ReadMode, Stream
from penstock.sdk.source import ReadContext, Source
from penstock.store import Catalog
from penstock.worker.gaps import EXPIRED
from penstock.worker.jobs import run_pipeline
from penstock.worker.options import RunOptions
from penstock.worker.plan import chosen
from penstock.worker.replay import replay_queued
from penstock.worker.setup import opened_source
from penstock.worker.staging import catalog_name

_DONE: Final = frozenset({JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_FAILURES})
_NOT_LOST: Final = (
    "The log could be read on, so there was nothing to recover. To read all again: --full-refresh."
)


class Recovery(StrEnum):
    """What is done about changes that nobody can read any more."""

    REPAIR = "REPAIR"
    """Compare the tables with the source, and read again what differs."""
    RESTART = "RESTART_HISTORICAL"
    """Read everything again into new tables."""
    SKIP = "SKIP"
    """Read on from now; what was changed meanwhile stays as it is in the tables."""


@dataclass(frozen=True)
class _Start:
    """Where the log is read from now on.

    Args:
        read: objects whose history is in their tables.
        unread: those whose history was not read to its end yet.
    """

    checkpoint: Checkpoint
    read: tuple[str, ...]
    unread: tuple[str, ...]


def run_recovering(
    workspace: Workspace,
    pipeline: str,
    options: RunOptions,
    watcher: Watcher,
    cancel: threading.Event,
    recover: Recovery | None = None,
    ended: Callable[[Summary], None] = lambda _summary: None,
) -> Summary:
    """One job, after a replay of the failed events that wait for one; and when the position in its
    log is lost, what is to be done about that.

    Args:
        recover: asked for by the user; None leaves it to the pipeline's `auto_recover_offset`.
        ended: told of the replay.

    Returns:
        The last job's summary. A recovery that ends before its last job leaves the lost
        position as it was: the next run recovers anew.

    Raises:
        Interrupted: stopped while the tables were compared.
    """
    replayed = replay_queued(workspace, pipeline, watcher, cancel)
    if replayed is not None:
        ended(replayed)
        if cancel.is_set():
            return replayed
    summary = run_pipeline(workspace, pipeline, options, watcher, cancel)
    if summary.error is None or summary.error["code"] != EXPIRED:
        if recover is not None and not options.follow_s and summary.error is None:
            watcher.message("warning", f"{pipeline}: {_NOT_LOST}")
        return summary
    how = recover or _by_itself(workspace, pipeline, summary)
    _alert(workspace, summary, how)
    if how is None or cancel.is_set():
        return summary
    watcher.message("warning", f"{pipeline}: {summary.error['message']} Recovering: {how}.")
    if how is Recovery.RESTART:
        again = replace(options, objects=(), full_refresh=True)
        return run_pipeline(workspace, pipeline, again, watcher, cancel)
    start = _new_start(workspace, pipeline, cancel)
    whole = set(start.unread)
    if how is Recovery.REPAIR:
        from penstock.worker.closing_gaps import compared, is_beyond_repair, repaired, told

        found = compared(workspace, pipeline, start.read, watcher, cancel)
        whole |= {item.object for item in found if is_beyond_repair(item)}
        repair = repaired(workspace, pipeline, found, whole, watcher, cancel)
        if repair is not None and repair.status not in _DONE:
            return repair
        watcher.message("warning", f"{pipeline}: {told(found, whole)}")
    last = replace(options, objects=(), log_from=start.checkpoint, reload=frozenset(whole))
    return run_pipeline(workspace, pipeline, last, watcher, cancel)


def _by_itself(workspace: Workspace, pipeline: str, summary: Summary) -> Recovery | None:
    """What the pipeline's setting says. Never when another server answers, which may be a
    mistake: its rows would take the place of all that was loaded."""
    assert summary.error is not None
    setting = workspace.pipeline(pipeline).auto_recover_offset
    if setting == "NONE" or "was" in summary.error["where"]:
        return None
    return Recovery(setting)


def _alert(workspace: Workspace, summary: Summary, how: Recovery | None) -> None:
    assert summary.error is not None
    with closing(Catalog.open(workspace.catalog_url)) as catalog:
        catalog.activity.append(
            Activity(
                severity=Severity.CRITICAL,
                action="source.position_lost",
                summary=summary.error["message"],
                pipeline=summary.pipeline,
                details={
                    "job": summary.job,
                    "recovery": how or "NONE",
                    **summary.error["where"],
                },
            )
        )


def _new_start(workspace: Workspace, pipeline: str, cancel: threading.Event) -> _Start:
    """Have the log kept from now on. The catalog learns of it only by the last job, so that a
    crash before that leaves the gap known."""
    spec = workspace.pipeline(pipeline)
    with (
        closing(Catalog.open(workspace.catalog_url)) as catalog,
        catalog.pipelines.lock(pipeline),
        opened_source(workspace, spec.source) as source,
    ):
        source.configure(spec)
        source.belongs_to(pipeline, catalog_name(catalog.pipelines.get(pipeline)))
        streams = chosen(spec, source.discover(), ())
        saved = {
            split: position.checkpoint
            for split, position in catalog.positions.load(pipeline).items()
            if split != LOG_SPLIT and position.checkpoint is not None
        }
        logged = [item.name for item in streams if item.mode is ReadMode.LOG]
        read = tuple(name for name in logged if history_is_read(name, saved))
        unread = tuple(name for name in logged if name not in read)
        return _Start(_log_end(source, streams, saved, cancel), read, unread)


def _log_end(
    source: Source, streams: Sequence[Stream], saved: dict[str, Checkpoint], cancel: threading.Event
) -> Checkpoint:
    """What a log without a position begins with."""
    log = next(split for split in source.plan(streams, saved) if split.name == LOG_SPLIT)
    batches = source.read(log, None, ReadContext(cancel=cancel))
    with closing(batches):  # type: ignore[type-var]
        first = next(batches)
    assert first.checkpoint is not None
    return first.checkpoint
