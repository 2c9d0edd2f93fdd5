"""One complete read by offset: overlap, drift, starting over, and the check at its end."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from penstock.sdk.rest.ids import IdSet, Key
from penstock.sdk.rest.page import Page, Rows
from penstock.sdk.rest.paging.ahead import pages
from penstock.sdk.rest.paging.base import Asking, Leg, Legs, Params, State, leg_of, really_served
from penstock.sdk.rest.times import aware

if TYPE_CHECKING:
    from penstock.sdk.rest.paging.offset import OffsetPages

_TWO_DAYS = timedelta(days=2)
_MOST_STEPS = 20
_EXTRA_TRIES = 2
MISCOUNTED = (
    "The API counts {counted:,} rows and returned {came:,}, twice. All that it returned are "
    "loaded; deleted rows cannot be told from those it leaves out, so none was flagged."
)
DRIFTED = "Rows moved while they were read; deleted rows are looked for in the next run."


class Drift(Exception):
    """Rows moved between two pages, so some may have been skipped.

    Args:
        counts_only: all pages fitted together, but the API counts other than we do.
    """

    def __init__(self, *, counts_only: bool = False) -> None:
        super().__init__()
        self.counts_only = counts_only


@dataclass
class Attempt:
    """Where one read from the first row to the last is; `state` is what a resume needs."""

    offset: int = 0
    rows: int = 0
    last: Key = None
    anchor: str | None = None
    base: int = 0
    """Rows before the first one that the anchor lets through."""
    first_total: int | None = None
    last_total: int | None = None
    number: int = 0
    steps: int = 0
    """How often in a row the read went back without a new row."""
    doubtful: bool = False
    """Rows moved, but the read went on beside the gap or dropped what came twice."""
    seeking: bool = False
    """The anchor was just set: rows up to `last` come again."""
    tail: list[Key] = field(default_factory=list)
    anchors: bool = True
    """False once an anchor turned out to be ignored."""
    unjudged: bool = False
    """The page before held rows without a key: its overlap cannot be compared."""
    short: bool = False
    """The page before was not full although the API counts more rows."""

    def state(self) -> dict[str, Any]:
        known = {
            "offset": self.offset, "rows": self.rows, "last": self.last, "anchor": self.anchor,
            "base": self.base, "total": self.first_total, "attempt": self.number,
            "doubtful": self.doubtful, "seeking": self.seeking, "unjudged": self.unjudged,
            "unanchored": not self.anchors, "short": self.short,
        }  # fmt: skip
        return {name: value for name, value in known.items() if value}

    @staticmethod
    def resumed(state: State) -> Attempt:
        last = state.get("last")
        key: Key = tuple(last) if isinstance(last, list) else last
        return Attempt(
            offset=int(state.get("offset", 0)),
            rows=int(state.get("rows", 0)),
            last=key,
            anchor=state.get("anchor"),
            base=int(state.get("base", 0)),
            first_total=state.get("total"),
            number=int(state.get("attempt", 0)),
            doubtful=bool(state.get("doubtful")),
            seeking=bool(state.get("seeking")),
            tail=[key] if key is not None else [],
            unjudged=bool(state.get("unjudged")),
            anchors=not state.get("unanchored"),
            short=bool(state.get("short")),
        )

    def fits(self) -> bool:
        """Whether the rows are as many as the API counts; growth at the end does no harm."""
        first, last = self.first_total, self.last_total
        if first is None or last is None:
            return not self.doubtful
        return self.rows == last if first == last else first <= self.rows <= last


class OffsetPass:
    """Reads all rows, at most `1 + rereads` times from the start, each row delivered once."""

    def __init__(self, spec: OffsetPages, ask: Asking, params: Params) -> None:
        self._spec = spec
        self._ask = ask
        self._params = params
        self._limit = spec.limit
        self._delivered = IdSet()
        self._here = IdSet()
        self._now = Attempt()
        self._careful = False
        """Rows just moved: no pages are asked for ahead until two fit together again."""
        self._blind = False
        """Resumed: rows were delivered that `_delivered` does not know."""

    def legs(self, state: State | None) -> Legs:
        self._now = Attempt.resumed(state) if state else Attempt()
        self._blind = bool(state)
        if self._now.number:
            # Resumed while reading anew: what the first attempt delivered is not known.
            yield from self._start_over(self._now.number)
        before: tuple[int, int | None] | None = None
        while True:
            try:
                yield from self._attempt()
            except Drift as drift:
                figures = (self._now.rows, self._now.last_total)
                same = drift.counts_only and figures == before
                if same or self._enough:
                    complete = drift.counts_only
                    warning = self._miscounted if same else DRIFTED
                    yield Leg(ended=True, complete=complete, warnings=(warning,))
                    return
                before = figures
                yield from self._start_over(self._now.number + 1)
            else:
                return

    def _start_over(self, number: int) -> Legs:
        self._now = Attempt(number=number)
        self._here = IdSet()
        if self._blind:
            self._blind, self._delivered = False, IdSet()
            yield Leg(state=self._now.state(), again=True)

    # Places: what `ahead.pages` asks for.

    def params(self, offset: int) -> Params:
        spec, anchor = self._spec, self._now.anchor
        anchored = {spec.anchor.param: anchor} if spec.anchor and anchor else {}
        paged = {spec.limit_param: str(self._limit), spec.param: str(offset)}
        return {**self._params, **anchored, **paged}

    def next(self, offset: int) -> int:
        return offset + self._limit - self._spec.overlap

    def needed(self, offset: int) -> bool | None:
        total = self._now.last_total
        if self._careful:
            return False
        if total is None:
            return None
        far = self._spec.anchor is not None and offset > self._spec.anchor.after
        # The page before would be full.
        return offset + self._spec.overlap <= total - self._now.base and not far

    def _attempt(self) -> Legs:
        """Legs to the last row.

        Raises:
            Drift: rows may have been skipped.
        """
        start: int | None = self._now.offset
        while start is not None:
            restart: int | None = None
            with closing(pages(self._ask, self, start)) as coming:
                for offset, page in coming:
                    fresh = self._fresh(offset, page.rows)
                    if fresh is None:
                        restart = self._look_elsewhere(offset, page)
                    elif (yield from self._next_leg(offset, page, fresh)):
                        return
                    elif self._now.short:
                        restart = self._now.offset
                    else:
                        restart = self._anchor(offset, page)
                    if restart is not None:
                        break
            start = restart

    def _next_leg(self, offset: int, page: Page, fresh: int) -> Generator[Leg, None, bool]:
        """Deliver the rows of a page that fits; True when it was the last."""
        now, asked = self._now, self._limit
        if now.seeking:
            now.seeking, now.base = False, now.rows - offset - fresh
        self._count(offset, page)
        seen = now.rows
        rows = self._deliver(page.rows, fresh)
        now.steps = now.steps if now.rows == seen else 0
        now.offset = self.next(offset)
        now.short = self._short(offset, page, fresh, asked)
        if now.short:
            now.offset = offset + page.rows.count - self._spec.overlap
            self._careful = True
        if now.short or page.rows.count >= self._limit:
            yield leg_of(page, rows, state=now.state())
            return False
        if self._sound():
            yield leg_of(page, rows, ended=True, verified=True)
            return True
        yield leg_of(page, rows, state=Attempt(number=now.number + 1).state())
        raise Drift(counts_only=not now.doubtful)

    def _short(self, offset: int, page: Page, fresh: int, asked: int) -> bool:
        """Whether a page that is not full is no last one: by the API's count more rows follow.

        Either the API cuts limits, or it leaves rows out that it counts: the next page tells.
        """
        count = page.rows.count
        more = page.total is not None and offset + count < page.total
        return more and max(fresh, self._spec.overlap) < count < asked

    def _count(self, offset: int, page: Page) -> None:
        now, total = self._now, page.total
        if offset == 0 and now.rows == 0:
            self._limit = really_served(self._limit, page.rows.count, total)
        if total is not None:
            now.last_total = total + now.base
            if now.first_total is None:
                now.first_total = now.last_total

    def _fresh(self, offset: int, rows: Rows) -> int | None:
        """How many rows at the front came before; None when the pages do not fit together."""
        now = self._now
        short, now.short = now.short, False
        if not self._spec.overlap or (now.last is None and not now.rows):
            return 0
        if rows.names and rows.names[0] == now.last:
            self._careful = False
            return 1
        # From an anchor, rows of several pages may come again: only the very last one counts.
        found = _after(rows.names, [now.last] if now.seeking else now.tail)
        if now.unjudged or not rows.all_good:
            now.doubtful = now.doubtful or found is None
            return found or 0
        if found is not None and short:
            return found  # where rows are left out of pages, offsets count those as well
        if now.seeking:
            return found
        if found is not None and self._goes_on:
            now.doubtful = True
            return found
        stepped = now.offset - offset >= self._limit or now.steps >= _MOST_STEPS
        if self._last_try and (stepped or offset == 0):
            # Not one row of the page before is near: take what comes, nobody may be left out.
            now.doubtful = True
            return 0
        return None

    @property
    def _last_try(self) -> bool:
        return self._now.number >= self._spec.rereads

    @property
    def _enough(self) -> bool:
        """Whether no further try is worth it: as many rows came as there are, or it is too late."""
        now = self._now
        missing = now.last_total is not None and len(self._here) < now.last_total
        most = self._spec.rereads + (_EXTRA_TRIES if missing else 0)
        return now.number >= most

    @property
    def _miscounted(self) -> str:
        now = self._now
        return MISCOUNTED.format(counted=now.last_total or 0, came=now.rows)

    @property
    def _goes_on(self) -> bool:
        """Whether a gap is read around: in a fixed order, and when there is no further try."""
        return self._spec.order_field is not None or self._last_try

    def _look_elsewhere(self, offset: int, page: Page) -> int | None:
        """Where to go on when a page does not fit; None: at the next page.

        Raises:
            Drift: the read has to start over.
        """
        now = self._now
        if now.seeking:
            if page.rows.count >= self._limit and not self._misses(offset, page):
                return None
            # Without an anchor, offsets count from the first row of all.
            now.anchor, now.seeking, now.anchors = None, False, False
            now.offset, now.base = now.base + now.offset, 0
            return now.offset
        behind = now.offset - offset
        if not self._goes_on or behind >= self._limit or offset == 0 or now.steps >= _MOST_STEPS:
            raise Drift
        # Rows before this page are gone: a little earlier it fits again. Until one does, pages
        # asked for ahead would be thrown away.
        now.doubtful, self._careful = True, True
        now.steps += 1
        return max(0, now.offset - min(self._limit, 2 * behind or max(1, self._limit // 10)))

    def _deliver(self, rows: Rows, fresh: int) -> Rows:
        """The rows that were not delivered before, all of them counted."""
        now = self._now
        places = [place for place in range(fresh, len(rows)) if self._new(rows.keys[place])]
        bad = [one for one in rows.bad if self._new(("bad", hashlib.sha256(one[0]).hexdigest()))]
        oversize = [one for one in rows.oversize if self._new(("oversize", one[0], one[1]))]
        if rows.names:
            now.last = rows.names[-1]
            now.tail = list(rows.names)
        now.unjudged = not rows.all_good or now.last is None
        return replace(rows.take(places), bad=bad, oversize=oversize)

    def _new(self, key: Key) -> bool:
        now = self._now
        if not self._here.add(key):
            now.doubtful = True
            return False
        now.rows += 1
        return self._delivered.add(key)

    def _anchor(self, offset: int, page: Page) -> int | None:
        """0 when the next page is to be read from a new anchor."""
        now, anchor = self._now, self._spec.anchor
        if anchor is None or not now.anchors or offset < anchor.after:
            return None
        value = next((v for v in reversed(page.rows.orders) if isinstance(v, str) and v), None)
        if value is None or value == now.anchor:
            return None  # the whole page shares one value: go on by offset
        now.anchor, now.seeking = value, True
        return 0

    def _misses(self, offset: int, page: Page) -> bool:
        """Whether the row of the anchor cannot come any more.

        The anchor did not narrow when the first row is of days before it; the row is gone, or
        the API took the time for a later one, when all rows are of a time after it.
        """
        value = next((v for v in page.rows.orders if isinstance(v, str) and v), None)
        first, anchor = aware(value), aware(self._now.anchor)
        if first is None or anchor is None:
            return False
        return first > anchor or (offset == 0 and anchor - first > _TWO_DAYS)

    def _sound(self) -> bool:
        """Whether no row can have been skipped."""
        now = self._now
        if not self._spec.order_field:
            return now.fits() and not now.doubtful
        # In a fixed order nothing is skipped beside a gap; fewer rows than both counts is.
        counts = [n for n in (now.first_total, now.last_total) if n is not None]
        return not counts or now.rows >= min(counts)


def _after(keys: Sequence[Key], tail: Sequence[Key]) -> int | None:
    """The place after the last of the keys that the page before had; None: none of them."""
    known = {key for key in tail if key is not None}
    places = [place for place, key in enumerate(keys) if key in known]
    return places[-1] + 1 if places else None
