"""Ranges of ids that are read at the same time."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from penstock.core.errors import InternalError
from penstock.sdk.rest.page import Page
from penstock.sdk.rest.paging.base import State


@dataclass(eq=False)
class Chain:
    """Ids greater than `after`, up to and with `until`; None: without end."""

    after: int
    until: int | None = None
    coming: Future[Page] | None = None
    nameless: int = 0
    """Rows without an id at the end of the page before: they come again."""

    def take(self) -> Page:
        """The page that has come."""
        coming, self.coming = self.coming, None
        if coming is None:
            raise InternalError("A chain was asked for a page that nobody asked for.")
        return coming.result()


@dataclass
class Chains:
    """What is left to read; `top` is about the greatest id there is."""

    left: list[Chain] = field(default_factory=list)
    top: int | None = None

    @staticmethod
    def resumed(state: State) -> Chains:
        return Chains([Chain(after, until) for after, until in state["ranges"]], state.get("top"))

    def state(self) -> dict[str, Any]:
        ranges = [[chain.after, chain.until] for chain in self.left]
        return {"ranges": ranges} | ({"top": self.top} if self.top is not None else {})

    def idle(self) -> list[Chain]:
        return [chain for chain in self.left if chain.coming is None]

    @property
    def waiting(self) -> int:
        """Pages that were asked for and not yet looked at."""
        return sum(chain.coming is not None for chain in self.left)

    def split(self, page_rows: int) -> bool:
        """Give the upper half of the biggest range to a new chain; False when all are small."""
        biggest = max(self.left, key=self._width)
        # The page under way covers at least as many ids as it has rows.
        low = biggest.after + (page_rows if biggest.coming else 0)
        width = self._end(biggest) - low
        if width < 2 * page_rows:
            return False
        middle = low + width // 2
        self.left.append(Chain(middle, biggest.until))
        biggest.until = middle
        return True

    def cancel(self) -> None:
        for chain in self.left:
            if chain.coming:
                chain.coming.cancel()

    def _width(self, chain: Chain) -> int:
        return self._end(chain) - chain.after

    def _end(self, chain: Chain) -> int:
        return chain.until if chain.until is not None else max(self.top or 0, chain.after)
