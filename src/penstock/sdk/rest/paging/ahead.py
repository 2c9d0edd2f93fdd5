"""Pages asked for before they are needed, handed out in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future
from typing import Protocol

from penstock.sdk.rest.page import Page
from penstock.sdk.rest.paging.base import Asking, Params

# Without a total we may ask past the end: one call ahead for so many full pages read.
_PAGES_PER_GUESS = 10
_MOST_GUESSES = 2


class Places(Protocol):
    """Where the pages of a read are."""

    def params(self, offset: int) -> Params: ...

    def next(self, offset: int) -> int:
        """Offset of the page after the one at `offset`."""

    def needed(self, offset: int) -> bool | None:
        """Whether a page at `offset` will have rows; None when nobody knows."""


def pages(ask: Asking, places: Places, offset: int) -> Generator[tuple[int, Page], None, None]:
    """(offset, page) from an offset on, without end; close it when a page was the last."""
    waiting: deque[tuple[int, Future[Page]]] = deque()
    done = 0
    try:
        while True:
            while not waiting or _room(ask, places, offset, len(waiting), done):
                waiting.append((offset, ask.soon(places.params(offset))))
                offset = places.next(offset)
            at, coming = waiting.popleft()
            yield at, coming.result()
            done += 1
            if not waiting:
                # The page just handed out may have changed the step.
                offset = places.next(at)
    finally:
        for _, coming in waiting:
            coming.cancel()


def _room(ask: Asking, places: Places, offset: int, waiting: int, done: int) -> bool:
    if waiting >= ask.ahead:
        return False
    needed = places.needed(offset)
    if needed is None:
        return waiting <= min(done // _PAGES_PER_GUESS, _MOST_GUESSES)
    return needed
