"""One limiter per account, for all threads, jobs and processes of the machine."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from penstock.core.errors import Interrupted
from penstock.sdk.limiter.pace import (
    Pace,
    Slot,
    at_ease,
    depart,
    known,
    plan,
    restamp,
    slow_down,
    succeeded,
)
from penstock.sdk.limiter.state import StateFile, default_folder
from penstock.sdk.limiter.turns import Turns

# Within the guard of the window, so not worth a new stamp.
_LATE_S = 0.002

Clock = Callable[[], float]
Sleep = Callable[[float, threading.Event | None], None]


def sleep(seconds: float, cancel: threading.Event | None) -> None:
    """Sleep, or return at once when cancel is set."""
    if cancel:
        cancel.wait(seconds)
    else:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to make one call, from now on."""

    slot: Slot
    waited_s: float

    @property
    def departed(self) -> float:
        """When the call may leave, by the monotonic clock."""
        return self.slot.at


class AccountLimiter:
    """Spreads the calls of one account evenly, never more than the rate in any window.

    Objects with the same key share one budget, whichever process they are in. Threads of a
    process queue by priority; each process plans one departure ahead, so processes take turns.
    Nobody holds the file's lock while asleep: a killed process costs the others one slot.

    Args:
        key: names the account, e.g. `activecampaign:acme7421.api-us1.com`.
        rate: calls per second, any number above 0; None: no limit, pauses still hold.
        folder: where the shared state is; default: the user's run-time folder.
        clock: the monotonic clock, which is the same for all processes of the machine.
    """

    def __init__(
        self,
        key: str,
        rate: float | None,
        *,
        folder: Path | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = sleep,
    ) -> None:
        self._pace = Pace.of(rate) if rate is not None else None
        self._file = StateFile(folder or default_folder(), key)
        self._clock = clock
        self._sleep = sleep
        self._turns = Turns()

    def acquire(self, priority: int = 0, cancel: threading.Event | None = None) -> float:
        """Wait until a call may leave; return the seconds waited. Send at once after it.

        Args:
            priority: lower goes first; equal ones in order of arrival.

        Raises:
            Interrupted: cancel was set before the call's turn.
        """
        return self.take(priority, cancel).waited_s

    def take(self, priority: int = 0, cancel: threading.Event | None = None) -> Ticket:
        """Like `acquire`, but the ticket can be stamped again if sending is delayed."""
        began = self._clock()
        slot = self._turns.take(priority, cancel, lambda: self._next_slot(cancel))
        return Ticket(slot, self._clock() - began)

    def on_time(
        self, ticket: Ticket, priority: int = 0, cancel: threading.Event | None = None
    ) -> Ticket:
        """Make good for a delay since `take`, e.g. a slow connect: call it right before sending.

        A late ticket gets a new stamp; where too many have left since, it waits its turn again.
        """
        now = self._clock()
        if now - ticket.departed <= _LATE_S:
            return ticket
        slot = self._restamped(ticket.slot, now)
        return Ticket(slot, ticket.waited_s) if slot else self.take(priority, cancel)

    def sent(self, ticket: Ticket) -> None:
        """The request has left: a thread that was held up while sending counts from now."""
        now = self._clock()
        if self._pace is None or now - ticket.departed <= _LATE_S:
            return
        with self._file.locked(now, self._pace.calls) as book:
            if known(book, self._pace, ticket.slot):
                book.set_stamp(ticket.slot.number, now)

    def slow_down(self, retry_after: float | None, departed: float | None = None) -> float:
        """The server refused: pause the whole account, then go on a little slower.

        Args:
            retry_after: seconds that the server asked for; None: exponential from 1 s.
            departed: `Ticket.departed` of the refused call, so that a burst counts once.

        Returns:
            Seconds of pause left.
        """
        now = self._clock()
        with self._file.locked(now) as book:
            jitter = random.random()
            left_s = slow_down(
                book.head, now, retry_after=retry_after, departed=departed, jitter=jitter
            )
            self._file.save(book)
        return left_s

    def succeeded(self, departed: float | None = None) -> None:
        """A call went through: after enough of them the configured rate is back."""
        if at_ease(self._file.peek(self._clock())):
            return
        with self._file.locked(self._clock()) as book:
            if succeeded(book.head, departed):
                self._file.save(book)

    def pause_left_s(self) -> float:
        """Seconds until the account's pause ends, 0.0 when there is none."""
        now = self._clock()
        return max(0.0, self._file.peek(now).paused_until - now)

    def close(self) -> None:
        """Give back the file; the limiter opens it again when used."""
        self._file.close()

    def _next_slot(self, cancel: threading.Event | None) -> Slot:
        """Sleep until a departure is due and stamp it."""
        due = self._planned()
        while True:
            self._sleep_until(due, cancel)
            outcome = self._departed()
            if isinstance(outcome, Slot):
                return outcome
            due = outcome

    def _planned(self) -> float:
        now = self._clock()
        if self._pace is None:
            return now  # a pause is looked for when it departs
        with self._file.locked(now, self._pace.calls) as book:
            due = plan(book, self._pace, now)
            self._file.save(book)
        return due

    def _departed(self) -> Slot | float:
        now = self._clock()
        if self._pace is None:
            left_s = self.pause_left_s()
            return now + left_s if left_s else Slot(0, now)
        with self._file.locked(now, self._pace.calls) as book:
            outcome = depart(book, self._pace, now)
            self._file.save(book)
        return outcome

    def _restamped(self, slot: Slot, now: float) -> Slot | None:
        if self._pace is None:
            return None if self.pause_left_s() else Slot(0, now)
        with self._file.locked(now, self._pace.calls) as book:
            return restamp(book, self._pace, slot, now)

    def _sleep_until(self, at: float, cancel: threading.Event | None) -> None:
        while True:
            if cancel and cancel.is_set():
                raise Interrupted("The call was cancelled while it waited for the rate limit.")
            left_s = at - self._clock()
            if left_s <= 0:
                return
            self._sleep(left_s, cancel)
