"""The first read of a table: parts read side by side, each going on from its own place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from penstock.sdk.sql.reading.pages import How, Ordered, Piece
from penstock.sdk.sql.reading.position import Part
from penstock.sdk.sql.reading.server import Column, Server, Table
from penstock.sdk.sql.reading.side_by_side import side_by_side

_PART_ROWS: Final = 1_000_000
_MOST_PARTS: Final = 256


@dataclass(frozen=True)
class History:
    """A whole table under one condition.

    Args:
        order: the key; none reads each part in one statement.
        split: column of the parts' bounds, the first of the order.
    """

    table: Table
    where: tuple[str, ...]
    order: tuple[Column, ...]
    split: Column | None

    def parts(self, server: Server) -> tuple[Part, ...]:
        """Where to cut: by the split column's values, into parts of about a million rows."""
        rows = self.table.rows or 0
        count = min(max(math.ceil(rows / _PART_ROWS), 1), _MOST_PARTS)
        cuts = server.cuts(self.table, self.split, count) if self.split and count > 1 else []
        # Open at both ends, so that rows outside of what the statistics knew are read too.
        bounds = [None, *cuts, None]
        return tuple(Part(*pair) for pair in pairwise(bounds))

    def read(
        self, server: Server, parts: Sequence[Part], how: How, at_once: int
    ) -> Iterator[tuple[int, Part, Piece | None]]:
        """Pieces of the parts that are not done: (number, the part after it, rows).

        Without rows, a part has ended.
        """
        waiting = [number for number, part in enumerate(parts) if not part.done]
        side = min(len(waiting), at_once)
        # One in hand of each part, one between them and us, one that is being staged.
        how.blocks.under_way = side + 2 if side > 1 else 1
        if len(waiting) == 1 or at_once == 1:
            for number in waiting:
                yield from self._one(server, number, parts[number], how)
            return
        tasks = [
            lambda stop, n=number: self._one(server, n, parts[n], replace(how, cancel=stop))
            for number in waiting
        ]
        yield from side_by_side(tasks, at_once, how.cancel)

    def _one(
        self, server: Server, number: int, part: Part, how: How
    ) -> Iterator[tuple[int, Part, Piece | None]]:
        ordered = Ordered(
            self.table, (*self.where, *self._bounds(server, part)), self.order, after=part.at
        )
        for piece in ordered.pieces(server, how):
            part = replace(part, at=piece.at or part.at)
            yield number, part, piece
        if not how.cancel.is_set():
            yield number, replace(part, done=True), None

    def _bounds(self, server: Server, part: Part) -> list[str]:
        if part.place is not None:
            return [part.place]
        found = []
        if part.start is not None and self.split is not None:
            found.append(server.words.compared(self.split, ">=", part.start))
        if part.stop is not None and self.split is not None:
            found.append(server.words.compared(self.split, "<", part.stop))
        return found
