"""The rules of departures: when the next call may leave, and how a refusal slows us down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, Self

# A server counts arrivals, we stamp departures: the guards are the jitter between the two that
# may not break the limit. The grid (how far apart departures are planned) is a little wider than
# the window that is enforced, so that a late departure does not push back those behind it.
# On two cores with a load of six, nine calls in ten arrive within 1 ms and the latest after 23 ms.
_WINDOW_GUARD = 0.020
_GRID_GUARD = 0.0235
# Servers that count by a bucket without burst want the calls apart, not only few in a second. Above
# ten calls a second threads wake too late for that.
_EVEN_GUARD = 0.005
_EVEN_FROM_S = 0.1
_GUARD_CAP_S = 1.0
# A thread that woke late may leave this much behind the grid, so that the lost time is made up:
# more where calls are kept apart, since that cannot become a burst.
_CATCH_UP_S = 0.020
_EVEN_CATCH_UP_S = 1.0
_MAX_CALLS = 10_000

_FIRST_PAUSE_S = 1.0
_LONGEST_OWN_PAUSE_S = 60.0
_LONGEST_PAUSE_S = 86_400.0
_SLOWER = 1.25
# A refusal on its own is more often the server's jitter than a limit that is set too high.
_A_LITTLE_SLOWER = 1.1
_ALONE_S = 60.0
_SLOWEST = 4.0
_FASTER = 0.98
_SUCCESSES_PER_STEP = 20


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `calls` departures in any `window_s` seconds: a rate as a sliding window.

    The window is one second where the rate is whole; 2.5 a second are 2 calls in 0.8 s, and
    one call in ten seconds is 1 in 10 s.
    """

    calls: int
    window_s: float

    @classmethod
    def of(cls, rate: float) -> Self:
        """Pace of `rate` calls per second, a finite number above 0."""
        if not (math.isfinite(rate) and rate > 0):
            raise ValueError(f"a rate is a number above 0, not {rate!r}")
        calls = min(max(math.floor(rate), 1), _MAX_CALLS)
        return cls(calls, calls / rate)

    def strict_s(self, factor: float) -> float:
        """Least time between a departure and the one `calls` later."""
        window_s = self.window_s * factor
        return window_s + _WINDOW_GUARD * min(window_s, _GUARD_CAP_S)

    def step_s(self, factor: float) -> float:
        """Planned time between two departures."""
        window_s = self.window_s * factor
        return (window_s + _GRID_GUARD * min(window_s, _GUARD_CAP_S)) / self.calls

    def even_s(self, factor: float) -> float:
        """Least time between two departures, so that lost time is not made up in a burst."""
        gap_s = self.window_s * factor / self.calls
        guard_s = _EVEN_GUARD * min(gap_s, _GUARD_CAP_S)
        return gap_s + guard_s if gap_s >= _EVEN_FROM_S else 0.0


@dataclass(slots=True)
class Head:
    """What an account's limiter remembers besides the stamps; times are of the monotonic clock."""

    seq: int = 0
    """Departures so far; the next one has this number."""
    last: float = 0.0
    """The newest planned time."""
    paused_until: float = 0.0
    slowed_at: float = 0.0
    """When the newest slow-down came in; calls that left before it belong to its burst."""
    factor: float = 1.0
    """How many times slower than configured, 1 to 4."""
    streak: int = 0
    level: int = 0
    """Slow-downs without a success in between: the exponent of the next pause."""


class Book(Protocol):
    """Head and stamps of one account while its lock is held."""

    head: Head

    def stamp(self, slot: int) -> float:
        """When that departure was; 0.0 for one before the first."""

    def set_stamp(self, slot: int, at: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Slot:
    """One departure."""

    number: int
    at: float


def plan(book: Book, pace: Pace, now: float) -> float:
    """When to try the next departure; in the past means at once.

    Plans keep the calls evenly apart and let processes take turns. They bind nobody: a process
    that dies before its time only leaves a gap.
    """
    head = book.head
    catch_up_s = _EVEN_CATCH_UP_S if pace.even_s(head.factor) else _CATCH_UP_S
    head.last = max(head.last + pace.step_s(head.factor), head.paused_until, now - catch_up_s)
    return head.last


def depart(book: Book, pace: Pace, now: float) -> Slot | float:
    """Stamp a departure now; or, when that would be too soon, the time to try again.

    Departures `calls` apart are never closer than the window. So the departures fall into
    `calls` chains, and a window holds at most one of each chain, however late threads wake.
    """
    head = book.head
    if now < head.paused_until:
        return plan(book, pace, now)
    due = max(
        book.stamp(head.seq - pace.calls) + pace.strict_s(head.factor),
        book.stamp(head.seq - 1) + pace.even_s(head.factor),
    )
    if now < due:
        return due
    slot = Slot(head.seq, now)
    book.set_stamp(slot.number, now)
    head.seq += 1
    return slot


def restamp(book: Book, pace: Pace, slot: Slot, now: float) -> Slot | None:
    """The same departure, later than stamped; None when it has to wait for another turn.

    So it is in a pause, when the next of its chain is gone already, and when another departure
    was just before.
    """
    head = book.head
    newest = book.stamp(head.seq - 1) if head.seq - 1 != slot.number else 0.0
    if now < head.paused_until or not known(book, pace, slot):
        return None
    if now < newest + pace.even_s(head.factor):
        return None
    book.set_stamp(slot.number, now)
    return Slot(slot.number, now)


def known(book: Book, pace: Pace, slot: Slot) -> bool:
    """Whether the book still holds the departure, not a newer one in its place."""
    return book.head.seq <= slot.number + pace.calls


def slow_down(
    head: Head, now: float, *, retry_after: float | None, departed: float | None, jitter: float
) -> float:
    """Pause the account and slow its pace; return the seconds of pause that are left.

    Args:
        retry_after: what the server asked for; None or 0: exponential from 1 s to 60 s.
        departed: when the refused call left. One that left before the newest slow-down is part
            of the same burst and can only lengthen the pause. None: judged by the pause.
        jitter: 0 to 1.
    """
    known = now < head.paused_until if departed is None else departed <= head.slowed_at
    pause_s = min(retry_after, _LONGEST_PAUSE_S) if retry_after else None
    if not known:
        pause_s = pause_s or _own_pause_s(head.level, jitter)
        head.level += 1
        head.factor = min(head.factor * _slower(head, now), _SLOWEST)
        head.streak = 0
        head.slowed_at = now
    head.paused_until = max(head.paused_until, now + (pause_s or 0.0))
    return head.paused_until - now


def _slower(head: Head, now: float) -> float:
    """A gentle step for a refusal on its own, a strong one for those in a row."""
    alone = head.level <= 1 and (head.slowed_at == 0.0 or now - head.slowed_at > _ALONE_S)
    return _A_LITTLE_SLOWER if alone else _SLOWER


def _own_pause_s(level: int, jitter: float) -> float:
    grown = _FIRST_PAUSE_S * 2.0 ** min(level, 16)
    return min(grown * (1.0 + 0.25 * jitter), _LONGEST_OWN_PAUSE_S)


def at_ease(head: Head) -> bool:
    """Whether the account goes at its configured pace, with nothing to make up for."""
    return head.factor <= 1.0 and head.level == 0


def succeeded(head: Head, departed: float | None) -> bool:
    """Count a success towards the configured pace; False when nothing had to change."""
    if departed is not None and departed <= head.slowed_at:
        return False
    if at_ease(head):
        return False
    head.level = 0
    head.streak += 1
    if head.streak >= _SUCCESSES_PER_STEP:
        head.streak = 0
        head.factor = max(head.factor * _FASTER, 1.0)
    return True
