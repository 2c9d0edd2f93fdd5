"""One call of `read`: the runs that a checkpoint asks for, as batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.clock import now_ms
from penstock.sdk.json_columns import JsonColumns
from penstock.sdk.rest.batching import Pending
from penstock.sdk.rest.cursor import Changes, Selection
from penstock.sdk.rest.paging.base import Asking, Leg, Paging, Params
from penstock.sdk.rest.position import Position, Run, advanced, delivered
from penstock.sdk.rest.run import Ended, RunRead
from penstock.sdk.rest.sides import Sides
from penstock.sdk.rest.spec import CursorSpec, StreamSpec
from penstock.sdk.source import ReadContext

_DAY_MS = 86_400_000
# The clocks of an API's servers, and one that is corrected by a little, differ by less.
_SKEW_MS = 600_000
_IGNORED = (
    "The API ignores the filter on {field}, so all rows are read. The result is right, but each "
    "run takes as long as the first."
)


@dataclass
class StreamReader:
    """Reads one stream once; the position moves in here.

    Args:
        params: sent with every call.
        start: the first read of a stream with a cursor begins at this day or time.
        sweep_ms: time between two complete reads of ids; None: there are none.
        warnings: to go out with the first batch.
    """

    name: str
    spec: StreamSpec
    pages: Paging
    columns: JsonColumns
    sides: Sides
    ask: Asking
    context: ReadContext
    params: Params
    start: date | datetime | None = None
    sweep_ms: int | None = None
    warnings: tuple[str, ...] = ()
    position: Position = field(default_factory=Position)
    _changes_ms: int = 0
    """When the last read of changes began, by the API's clock."""

    def batches(self, checkpoint: Checkpoint | None) -> Iterator[Batch]:
        """The batches of this read; ends early, after what was collected, when cancelled."""
        self.position = Position.of(None if self.context.restart else checkpoint)
        if self.context.bounds or self.context.limit:
            yield from self._part()
        elif self.spec.cursor is None:
            run = self.position.run or self._pass(Run())
            yield from self._read(run, {}, self._after_whole)
        else:
            yield from self._changes(self.spec.cursor)

    # What is read

    def _part(self) -> Iterator[Batch]:
        """A bounded read or a preview: no checkpoints, no pass."""
        bounds, cursor = self.context.bounds, self.spec.cursor
        params = Changes(cursor).between(bounds) if cursor else {}
        bounded = bool(cursor and bounds)
        chosen = Selection(start=bounds.get("from"), end=bounds.get("to")) if bounded else None
        yield from self._read(Run(), params, self._unmoved, chosen, keep=False)

    def _changes(self, cursor: CursorSpec) -> Iterator[Batch]:
        run = self.position.run
        if run is not None and run.kind == "sweep":
            yield from self._sweep(run)
            if self.position.run is not None:
                return  # cancelled before its end
            run = None
        first, resumed = self.position.cursor is None, run is not None
        if run is None:
            run = self._first_run(cursor) if first else self._next_run(cursor)
        params = Changes(cursor).since(run.since) if run.since else {}
        yield from self._read(run, params, self._after_changes, self._from_start)
        if resumed and self.position.run is None and self.position.cursor:
            yield from self._since_then(cursor)
        if self.position.run is None and not first and self._sweep_due():
            yield from self._sweep(self._pass(Run("sweep")))

    def _since_then(self, cursor: CursorSpec) -> Iterator[Batch]:
        """What has changed since an earlier job began the run that has just ended."""
        run = self._next_run(cursor)
        if run.since:
            params = Changes(cursor).since(run.since)
            yield from self._read(run, params, self._after_changes, self._from_start)

    @property
    def _from_start(self) -> Selection | None:
        """Also of later runs: their overlap may go back to before the start."""
        return Selection.since(self.start) if self.start else None

    def _first_run(self, cursor: CursorSpec) -> Run:
        if self.start:
            return Run(since=Changes(cursor).before_start(self.start))
        return self._pass(Run())

    def _next_run(self, cursor: CursorSpec) -> Run:
        """The changes since the cursor; everything when the filter turns out to be ignored."""
        changes = Changes(cursor)
        run = Run(since=changes.overlapped(self.position.cursor or ""))
        if not cursor.check:
            return run
        at = now_ms()
        page = self.ask.page({**self.params, **changes.future(at)})
        run = run.begun(page.server_ms)
        if not changes.ignored(page.rows, at):
            return run
        self.warnings = (*self.warnings, _IGNORED.format(field=cursor.field))
        run = replace(run, since=None)
        return run if self.start else self._pass(run)

    def _sweep(self, run: Run) -> Iterator[Batch]:
        """All ids, to find the rows that are gone."""
        yield from self._read(run, {}, self._after_sweep)

    def _sweep_due(self) -> bool:
        if self.sweep_ms is None or not self.spec.deletes:
            return False
        last = self.position.complete_ms
        if last is None:
            return True
        # Both times are the API's: our clock may be wrong. One that was set back, so that the
        # last sweep lies ahead of it, must not keep the next one away.
        age = self._changes_ms - last
        return age >= self.sweep_ms or age < -_SKEW_MS

    def _pass(self, run: Run) -> Run:
        return run.as_pass() if self.spec.deletes else run

    # What is known afterwards

    def _unmoved(self, run: Run, leg: Leg) -> Position:  # noqa: ARG002
        return self.position

    def _after_whole(self, run: Run, leg: Leg) -> Position:  # noqa: ARG002
        return Position(complete_ms=run.began_ms)

    def _after_changes(self, run: Run, leg: Leg) -> Position:
        old = self.position
        self._changes_ms = run.began_ms or now_ms()
        # Under a start date nothing can have gone before this read; the sweep is due later.
        whole = (run.pass_id is not None and leg.verified) or (
            old.cursor is None and self.start is not None
        )
        complete_ms = run.began_ms if whole else old.complete_ms
        cursor = advanced(old.cursor, run, run.high) if leg.complete else old.cursor
        return Position(cursor, complete_ms, seen=delivered(old, cursor, run.high))

    def _after_sweep(self, run: Run, leg: Leg) -> Position:
        began = run.began_ms or now_ms()
        if not leg.verified:
            # Not each run anew: once a day until a sweep is verified.
            began -= max((self.sweep_ms or 0) - _DAY_MS, 0)
        return replace(self.position, complete_ms=began, run=None)

    # One run

    def _read(
        self,
        run: Run,
        params: Params,
        ended: Ended,
        chosen: Selection | None = None,
        *,
        keep: bool = True,
    ) -> Iterator[Batch]:
        pending = Pending(self.name, self.columns, self.context)
        pending.warnings.extend(self.warnings)
        self.warnings = ()
        reading = RunRead(
            run=run,
            position=self.position,
            pending=pending,
            sides=self.sides,
            context=self.context,
            ended=ended,
            chosen=chosen,
            keep=keep,
            key=self.spec.primary_key if run.kind == "sweep" else None,
            cursor_field=self.spec.cursor.field if self.spec.cursor else None,
        )
        legs = self.pages.walk(self.ask, {**self.params, **params}, run.state or None)
        yield from reading.batches(legs)
        self.position = reading.position
