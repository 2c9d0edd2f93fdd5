"""Events that end with another one."""

from __future__ import annotations

import threading
import time

_LOOK_S = 0.1


class Ending(threading.Event):
    """Set by itself, or when another event is, but not the other way round.

    So a job's end also ends its reads, and what stops a job is no wish of the user's.
    """

    def __init__(self, outer: threading.Event) -> None:
        super().__init__()
        self._outer = outer

    def is_set(self) -> bool:
        return super().is_set() or self._outer.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left_s = _LOOK_S if until is None else min(until - time.monotonic(), _LOOK_S)
            if left_s <= 0:
                return False
            super().wait(left_s)
        return True
