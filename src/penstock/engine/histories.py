"""The history of streams that is read in several splits, or beside a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from penstock.core.failpoints import hit
from penstock.core.load import Deletes, WriteMode
from penstock.core.mapping import Mapping
from penstock.core.splits import history_is_read
from penstock.core.stream import ReadMode, Split
from penstock.engine.evolving import system_fields
from penstock.engine.mappers import event_type_plan, tables_of
from penstock.engine.task import StreamPlan, Task


class Histories:
    """Knows which streams still have history to read; used by the thread that loads, alone."""

    def __init__(self, task: Task, splits: Sequence[Split]) -> None:
        self._task = task
        self._splits = splits
        self._reading: dict[str, set[str]] = {}
        """Splits of each stream that have not ended."""
        self._cut: set[str] = set()
        """Streams of which a split did not get to its end."""
        self._left: dict[str, set[str]] = {}
        """History splits of each stream that are not in the destination to their end."""
        for split in splits:
            for stream in split.streams:
                self._reading.setdefault(stream, set()).add(split.name)
                if split.history:
                    self._left.setdefault(stream, set()).add(split.name)
        if not (task.bounds or task.replaying):
            task.unread.update(self._left)

    def begin(self) -> None:
        """Save where splits begin, and finish what an earlier job did not come to finish."""
        task = self._task
        if task.bounds or task.replaying:
            return
        starts = {
            split.name: (split.start, task.plans[split.streams[0]].generation)
            for split in self._splits
            if split.start is not None and split.name not in task.checkpoints
        }
        if starts:
            task.memory.begin(starts)
            hit("history.begun")
        for name, plan in task.plans.items():
            logged = plan.stream.mode is ReadMode.LOG and name in self._reading
            open_ = plan.rebuilding or not history_is_read(name, task.checkpoints)
            if logged and open_ and name not in self._left:
                self._finish(name)

    def ended(self, split: Split, *, whole: bool, delivered: bool) -> None:
        """A split has ended; all packages it closed have been looked at.

        Args:
            whole: it was read to its end.
            delivered: all of its packages are in the destination.
        """
        for stream in split.streams:
            self._reading[stream].discard(split.name)
            if not whole:
                self._cut.add(stream)
            if not self._reading[stream]:
                state = self._task.states[stream]
                state.ended_at = self._task.clock()
                state.read_whole = stream not in self._cut
        if split.history and whole and delivered:
            (stream,) = split.streams
            self._left[stream].discard(split.name)
            if not self._left[stream] and not (self._task.bounds or self._task.replaying):
                self._finish(stream)

    def _finish(self, stream: str) -> None:
        """All history of the stream is in the destination: show it, and remember that."""
        task, plan = self._task, self._task.plans[stream]
        for mapping in tables_of(task, stream):
            if plan.rebuilding:
                _show(task, plan, mapping)
            merging = (plan.wanted or plan.mode) is WriteMode.MERGE and mapping.key
            if plan.deletes is Deletes.HARD and merging:
                task.destination.purge(mapping.table)
        hit("history.before_read")
        task.memory.history_read(stream, plan.generation, plan.rebuilding)
        hit("history.read")
        task.plans = {**task.plans, stream: replace(plan, published=plan.generation)}
        task.unread.discard(stream)


def _show(task: Task, plan: StreamPlan, mapping: Mapping) -> None:
    """Put the new table in the old one's place; an event type without a row has none so far."""
    made = event_type_plan(task, plan, mapping.event_type, mapping.key)
    ours = system_fields(made.stream, mapping.key, keep_op=task.keep_op)
    task.destination.evolve(
        mapping.table,
        pa.schema([*mapping.schema, *ours]),
        mapping.key,
        mode=made.mode,
        generation=plan.generation,
    )
    hit("publish.before")
    task.destination.publish(mapping.table, plan.generation)
