"""Read one split: stamp what was read, note complete passes, watch for cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from penstock.core.batch import Batch, FullPass
from penstock.core.checkpoint import Checkpoint
from penstock.core.failpoints import hit
from penstock.core.load import Truncates, WriteMode
from penstock.core.progress import ObjectState
from penstock.core.stream import Split
from penstock.engine.completing import completed
from penstock.engine.passes import Passes
from penstock.engine.task import Task, is_log
from penstock.sdk.source import ReadContext


class _Effort:
    """What one read costs and has to expect, for those who watch; any thread may tell."""

    def __init__(self, state: ObjectState, mutex: threading.Lock) -> None:
        self._state = state
        self._mutex = mutex
        self._told = False

    def called(self) -> None:
        with self._mutex:
            self._state.calls += 1

    def expect(self, rows: int) -> None:
        # The first answer is about all rows; later ones may be about those that are left.
        with self._mutex:
            if not self._told:
                self._state.expected = (self._state.expected or 0) + rows
            self._told = True


def context(
    task: Task, split: Split, *, limit: int = 0, others_ended: threading.Event | None = None
) -> ReadContext:
    """What the source is told about this job."""
    effort = _Effort(task.states[split.streams[0]], task.counting)
    told = ReadContext(
        cancel=task.cancel,
        batch_rows=task.budget.batch_rows,
        batch_bytes=task.budget.batch_bytes,
        batch_seconds=task.budget.batch_seconds,
        package_rows=task.budget.whole_batch,
        cut_short=task.cut_short,
        bounds=task.bounds,
        limit=limit,
        infer_dates=task.infer_dates,
        called=effort.called,
        expect=effort.expect,
        follow=task.follow_s is not None,
        clock=task.clock,
    )
    return told if others_ended is None else replace(told, others_ended=others_ended)


def extract(
    task: Task,
    split: Split,
    checkpoint: Checkpoint | None,
    passes: Passes,
    others_ended: threading.Event | None = None,
) -> Iterator[Batch]:
    """Batches of the split from the checkpoint on, stamped; ends early when cancelled, and a log
    that is followed when its time is over.

    `_ps_ingested_at` is the time a batch arrived here, by a clock that never goes back; the
    generation is the plan's unless the source (a log) set a later one.
    """
    hit("extract.before_read")
    told = context(task, split, others_ended=others_ended)
    until = None if task.follow_s is None else time.monotonic() + task.follow_s
    for batch in task.source.read(split, checkpoint or split.start, told):
        stamped = completed(task, _stamped(task, batch), told)
        passes.note(stamped)
        _count(task, split, stamped)
        hit("extract.after_batch")
        yield stamped
        if task.cancel.is_set():
            return
        if batch.replan:
            task.replan.set()
        over = until is not None and (task.replan.is_set() or time.monotonic() >= until)
        if over and batch.checkpoint is not None and told.others_ended.is_set():
            return
    hit("extract.after_last_batch")


def _stamped(task: Task, batch: Batch) -> Batch:
    plan = task.plans[batch.stream] if batch.stream else None
    if batch.truncated:
        batch = _emptied(task, batch)
    at = batch.ingested_at or task.clock()
    return replace(
        batch,
        ingested_at=at,
        generation=max(batch.generation, plan.generation if plan else 0),
        # A replay keeps this time, so it has to be of the same clock as that of the rows.
        failed=tuple(replace(e, op=batch.op or e.op, ingested_at=at) for e in batch.failed),
    )


def _emptied(task: Task, batch: Batch) -> Batch:
    """What a log's word of an emptied table means: nothing, or a complete read without rows."""
    plan, state = task.plans[batch.stream], task.states[batch.stream]
    state.truncated += 1
    if plan.truncates is Truncates.IGNORE or plan.mode is WriteMode.APPEND:
        text = "The table was emptied at once (TRUNCATE) in the source; its rows stay as they are."
        return replace(batch, truncated=False, warnings=(*batch.warnings, text))
    at = task.clock.parting()
    task.truncated[batch.stream] = at
    gone = FullPass(f"truncate-{at}", at, ended=True, verified=True)
    return replace(batch, ingested_at=at, full_pass=gone)


def _count(task: Task, split: Split, batch: Batch) -> None:
    if not batch.stream:
        for name in split.streams:
            task.states[name].checkpoint = dict(batch.checkpoint.shown) if batch.checkpoint else {}
        return
    state = task.states[batch.stream]
    with task.counting:
        if batch.full_pass is None or not batch.full_pass.keys_only:
            state.rows_read += batch.num_rows + len(batch.failed) + len(batch.oversize)
        state.bytes_read += batch.bytes_read
    for text in batch.warnings:
        task.warn(batch.stream, text)
    if batch.checkpoint is not None:
        for name in {batch.stream, *(split.streams if is_log(split, task.plans) else ())}:
            task.states[name].checkpoint = dict(batch.checkpoint.shown)
