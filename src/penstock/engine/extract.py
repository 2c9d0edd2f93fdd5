"""Read one split: stamp what was read, note complete passes, watch for cancel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.failpoints import hit
from penstock.core.progress import ObjectState
from penstock.core.stream import Split
from penstock.engine.passes import Passes
from penstock.engine.task import Task
from penstock.sdk.source import ReadContext


class _Effort:
    """What one read costs and has to expect, for those who watch; any thread may tell."""

    def __init__(self, state: ObjectState) -> None:
        self._state = state
        self._mutex = threading.Lock()

    def called(self) -> None:
        with self._mutex:
            self._state.calls += 1

    def expect(self, rows: int) -> None:
        # The first answer is about all rows; later ones may be about those that are left.
        if self._state.expected is None:
            self._state.expected = rows


def context(task: Task, split: Split, *, limit: int = 0) -> ReadContext:
    """What the source is told about this job."""
    effort = _Effort(task.states[split.streams[0]])
    return ReadContext(
        cancel=task.cancel,
        batch_rows=task.budget.batch_rows,
        batch_bytes=task.budget.batch_bytes,
        batch_seconds=task.budget.batch_seconds,
        package_rows=task.budget.package_rows,
        bounds=task.bounds,
        limit=limit,
        infer_dates=task.infer_dates,
        called=effort.called,
        expect=effort.expect,
    )


def extract(
    task: Task, split: Split, checkpoint: Checkpoint | None, passes: Passes
) -> Iterator[Batch]:
    """Batches of the split from the checkpoint on, stamped; ends early when cancelled.

    `_ps_ingested_at` is the time a batch arrived here, by a clock that never goes back; the
    generation is the plan's unless the source (a log) set a later one.
    """
    hit("extract.before_read")
    for batch in task.source.read(split, checkpoint, context(task, split)):
        plan = task.plans[batch.stream]
        at = batch.ingested_at or task.clock()
        stamped = replace(
            batch,
            ingested_at=at,
            generation=max(batch.generation, plan.generation),
            # A replay keeps this time, so it has to be of the same clock as that of the rows.
            failed=tuple(replace(e, op=batch.op, ingested_at=at) for e in batch.failed),
        )
        passes.note(stamped)
        _count(task, stamped)
        hit("extract.after_batch")
        yield stamped
        if task.cancel.is_set():
            return
    hit("extract.after_last_batch")


def _count(task: Task, batch: Batch) -> None:
    state = task.states[batch.stream]
    if batch.full_pass is None or not batch.full_pass.keys_only:
        state.rows_read += batch.num_rows + len(batch.failed) + len(batch.oversize)
    state.bytes_read += batch.bytes_read
    for text in batch.warnings:
        task.warn(batch.stream, text)
    if batch.checkpoint is not None:
        state.checkpoint = dict(batch.checkpoint.shown)
