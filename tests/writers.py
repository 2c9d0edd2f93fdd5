"""Threads that write to a source while a test reads it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol


class Writer(Protocol):
    """A thread that writes until it is told to stop."""

    stop: threading.Event
    error: Exception | None
    done: int
    """Transactions that it came to the end of."""

    def start(self) -> None: ...

    def join(self) -> None: ...


@contextmanager
def writing(writers: Sequence[Writer]) -> Iterator[None]:
    """They write inside of the block; afterwards each has written something, and none failed."""
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        for writer in writers:
            writer.stop.set()
        for writer in writers:
            writer.join()
    assert [writer.error for writer in writers] == [None] * len(writers)
    assert all(writer.done for writer in writers)
