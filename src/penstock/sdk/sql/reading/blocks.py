"""How much a read takes at once: little at first, then a share of what it has handed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MOST_PAGE: Final = 50_000
"""Statements that would ask for more rows than this ask for as many as they may: the server is
not so far ahead of us. A page of a key in no order of the table may cost a look at all of it."""


@dataclass(frozen=True)
class Growth:
    """How a read grows.

    What is on its way between the server and the staging area is lost when the process is
    killed: one block of each part that is read, and those in between. Where all of these
    together are a share of the rows read before, a kill costs no more than this share of the
    work, whenever it comes. Statements ask for no more than a block at first, so that the server
    has not read ahead what would be lost.

    Args:
        first_bytes: text of the first block, before anything is known of the rows.
        least_rows: of every block.
        share: of the rows handed over, for all blocks under way together.
    """

    first_bytes: int
    least_rows: int
    share: float


USUAL: Final = Growth(first_bytes=1 << 18, least_rows=2_048, share=0.3)
"""Costs a long read less than a hundredth of its time."""
CAREFUL: Final = Growth(first_bytes=1 << 14, least_rows=512, share=0.025)
"""After a job that was killed: it may be killed again and again. Costs some seconds in all."""


class Blocks:
    """Sizes for one read; `took` is called by the one thread that hands rows over.

    Args:
        most_bytes: text of the largest block.
        growth: None for blocks of the largest size from the first on.
    """

    def __init__(self, most_bytes: int, growth: Growth | None = None) -> None:
        self._most_bytes = most_bytes
        self._growth = growth
        self._rows = 0
        self._bytes = 0
        self.under_way = 1
        """Blocks that exist at the same time."""

    def took(self, rows: int, size: int) -> None:
        """So many rows of so many bytes of text went on to be staged."""
        self._rows += rows
        self._bytes += size

    @property
    def largest(self) -> Blocks:
        """Blocks of the largest size, for statements that bring few rows."""
        return Blocks(self._most_bytes)

    def next_bytes(self) -> int:
        """Text of the next block."""
        if self._growth is None:
            return self._most_bytes
        if not self._rows:
            return min(self._growth.first_bytes, self._most_bytes)
        size = self._wanted_rows() * self._bytes // self._rows
        return max(min(size, self._most_bytes), 1)

    def next_page(self, most_rows: int) -> int:
        """Rows of the next statement, of a read whose statements may be many."""
        if self._growth is None:
            return most_rows
        rows = self._wanted_rows()
        return min(rows, most_rows) if rows < _MOST_PAGE else most_rows

    def _wanted_rows(self) -> int:
        assert self._growth is not None
        return max(self._growth.least_rows, int(self._growth.share * self._rows) // self.under_way)
