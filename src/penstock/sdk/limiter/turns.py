"""Threads of one process that wait for a slot: lower priority first, then first come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count

from penstock.core.errors import Interrupted
from penstock.sdk.limiter.pace import Slot

# Nobody can wait for two events: a waiting thread looks at its cancel event this often.
_LOOK_S = 0.1


@dataclass(order=True, slots=True)
class _Waiter:
    priority: int
    arrival: int
    woken: threading.Event = field(default_factory=threading.Event, compare=False)
    slot: Slot | None = field(default=None, compare=False)


class Turns:
    """One thread leads: it waits for the next slot and gives it to whoever is first then.

    So a thread of higher priority that comes while the leader sleeps takes the very next slot.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._queue: list[_Waiter] = []
        self._arrivals = count()
        self._leader: _Waiter | None = None

    def take(
        self, priority: int, cancel: threading.Event | None, next_slot: Callable[[], Slot]
    ) -> Slot:
        """Wait for a turn; `next_slot` blocks until a departure is due, in one thread at a time.

        Raises:
            Interrupted: cancel was set.
        """
        me = _Waiter(priority, next(self._arrivals))
        try:
            with self._mutex:
                heappush(self._queue, me)
                self._leader = self._leader or me
            while me.slot is None:
                if self._leader is me:
                    self._give(next_slot())
                else:
                    _wait(me, cancel)
            return me.slot
        finally:
            self._leave(me)

    def _give(self, slot: Slot) -> None:
        with self._mutex:
            first = heappop(self._queue)
            first.slot = slot
            first.woken.set()

    def _leave(self, me: _Waiter) -> None:
        with self._mutex:
            if me in self._queue:
                self._queue.remove(me)
                heapify(self._queue)
            if self._leader is me:
                self._leader = self._queue[0] if self._queue else None
                if self._leader:
                    self._leader.woken.set()


def _wait(me: _Waiter, cancel: threading.Event | None) -> None:
    while not me.woken.wait(_LOOK_S if cancel else None):
        if cancel and cancel.is_set():
            raise Interrupted("The call was cancelled while it waited for its turn.")
