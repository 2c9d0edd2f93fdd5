"""Events that end with another one, and work that ends with an event."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_S = 0.1


@contextmanager
def giving_up(cancel: threading.Event | None, give_up: Callable[[], None]) -> Iterator[None]:
    """Once `cancel` is set, ask that what the block waits for be given up, again and again until
    the block ends: a statement may just be about to begin. Without an event nobody asks.

    Args:
        give_up: called by another thread; must not raise.
    """
    if cancel is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_S):
            if cancel.is_set():
                give_up()

    watcher = threading.Thread(target=watch, name="give-up", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


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
