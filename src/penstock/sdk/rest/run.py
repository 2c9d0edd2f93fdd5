"""One run: all pages of a stream under one filter, as batches with checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from penstock.core.batch import Batch, FullPass, Hint
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import Interrupted, PenstockError
from penstock.sdk.rest.batching import Pending
from penstock.sdk.rest.cursor import Marks, Selection
from penstock.sdk.rest.page import Rows
from penstock.sdk.rest.paging.base import Leg
from penstock.sdk.rest.position import Position, Run
from penstock.sdk.rest.sides import Sides
from penstock.sdk.source import ReadContext

Ended = Callable[[Run, Leg], Position]
"""The position after a run, of the run and its last leg."""


@dataclass
class RunRead:
    """Turns the legs of one run into batches.

    Args:
        position: before the run; its cursor stays until the run has ended.
        chosen: which rows are delivered; None: all.
        keep: give batches checkpoints and passes; not for parts of a stream.
        key: set in a sweep: the only columns that are delivered; none but generated ids when
            it is empty.
        cursor_field: named in the part of checkpoints that people see.
    """

    run: Run
    position: Position
    pending: Pending
    sides: Sides
    context: ReadContext
    ended: Ended
    chosen: Selection | None = None
    keep: bool = True
    key: tuple[str, ...] | None = None
    cursor_field: str | None = None
    done: bool = False
    _marks: Marks = field(default_factory=Marks)
    _delivered: int = 0
    _changes: bool = False

    def batches(self, legs: Generator[Leg, None, None]) -> Iterator[Batch]:
        """Batches to the end of the run; `done` says whether it was reached.

        A cancelled run ends after what was collected, and so does one that fails: what was
        read is loaded, and the next job goes on from there.
        """
        before = self.position.seen or self.position.cursor
        # All rows of a part that is read again have come before, too.
        self._changes = self.position.cursor is not None and (
            self.run.since is not None or not self.keep
        )
        self._marks = Marks.since(before, self.run.high, again=self.run.again)
        with closing(legs):
            try:
                for leg in legs:
                    yield from self._take(leg)
                    if self.done:
                        return
            except Interrupted:
                yield from self._flush()
            except PenstockError:
                yield from self._flush()
                raise

    def _take(self, leg: Leg) -> Iterator[Batch]:
        self.run = self.run.begun(leg.server_ms)
        if leg.total is not None:
            self.context.expect(leg.total)
        if leg.again:
            yield from self._flush()
            self._begin_again()
        rows = self.chosen.choose(leg.rows) if self.chosen else leg.rows
        hints = self._marks.hints(rows)
        rows, hints = self._limited(rows, hints)
        blind = self.run.blind or not leg.rows.all_good
        self.run = replace(self.run, state=leg.state, high=self._marks.high, blind=blind)
        self.pending.add(rows, hints, leg.warnings, leg.size)
        self.sides.add(leg.others)
        if leg.ended:
            leg = replace(leg, verified=leg.verified and not blind)
            self.position = self.ended(self.run, leg)
            self.done = True
            yield from self._side_batches()
            yield self._batch(self._checkpoint(), self._pass(ended=True, verified=leg.verified))
        elif self.done or self.pending.full:
            yield from self._flush()

    def _begin_again(self) -> None:
        """Rows may have come before: mark them, and let the pass count from here."""
        self._marks.again = True
        run = replace(self.run, again=True, blind=False)
        self.run = replace(run.as_pass(), pass_ms=run.pass_ms) if run.pass_id else run

    def _limited(self, rows: Rows, hints: list[Hint]) -> tuple[Rows, list[Hint]]:
        """The rows of a preview, which needs no more than `context.limit`."""
        limit = self.context.limit
        if not limit:
            return rows, hints
        room = max(limit - self._delivered, 0)
        self._delivered += len(rows)
        self.done = self._delivered >= limit
        places: Sequence[int] = range(min(len(rows), room))
        return rows.take(places), hints[:room]

    def _flush(self) -> Iterator[Batch]:
        yield from self._side_batches()
        if self.pending.empty:
            return
        self.position = replace(self.position, run=self.run)
        yield self._batch(self._checkpoint(), self._pass())

    def _batch(self, checkpoint: Checkpoint | None, full_pass: FullPass | None) -> Batch:
        if self.key is not None:
            return self.pending.key_batch(self.key, checkpoint, full_pass)
        return self._told(self.pending.batch(checkpoint, full_pass))

    def _side_batches(self) -> Iterator[Batch]:
        return map(self._told, self.sides.batches())

    def _told(self, batch: Batch) -> Batch:
        """Of changed rows nobody can say whether they are new; see pipelines.md 1.3."""
        return replace(batch, op="U" if self._changes else "R")

    def _checkpoint(self) -> Checkpoint | None:
        return self.position.checkpoint(self.cursor_field) if self.keep else None

    def _pass(self, *, ended: bool = False, verified: bool = False) -> FullPass | None:
        run = self.run
        if not (self.keep and run.pass_id):
            return None
        sweep = run.kind == "sweep"
        return FullPass(run.pass_id, run.pass_ms, ended, verified, keys_only=sweep)
