"""Later reads of a table: what came late, then what is new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from penstock.sdk.sql.reading.modes import Chosen
from penstock.sdk.sql.reading.pages import How, Ordered, Piece
from penstock.sdk.sql.reading.position import Mark, Position, Seen
from penstock.sdk.sql.reading.server import Column, Server, Table

_MARGIN_IDS: Final = 10_000
_MARGIN_TIME: Final = timedelta(minutes=15)
"""How far below its transaction's beginning a cursor value may lie: numbers taken from a
sequence in stock, times stamped by a clock that is behind. Looked through by the
transaction's number, so a large margin costs little."""


@dataclass(frozen=True)
class Increments:
    """One table with a cursor."""

    table: Table
    chosen: Chosen

    def begin(self, server: Server, before: Seen | None, how: How) -> Position:
        """The position of a first read that begins now, before its first statement.

        Increments will go on after the greatest value that is there now, and history reads up
        to it. Not up to the bound, the clock: applications write times of their own, which lie
        below it when rows are imported or their clock is behind. What transactions that are
        open bring late lies at the bound or above, as it does after every read.
        """
        seen = Seen.of(server.horizon(), before)
        names = tuple(column.name for column in self.chosen.order)
        bound = self._bound(server, seen)
        position = Position(str(self.chosen.mode), names, seen=seen, bound=bound)
        if not self.chosen.bounded:
            return position
        there = Ordered(self.table, self.below(server, bound), self.chosen.order)
        last = there.furthest(server, how)
        if last is None:
            # Nothing to read as history: what comes from now on is all new.
            return replace(self.ended(server, position), complete=True)
        return replace(position, start=last.at)

    def below(self, server: Server, bound: str | None) -> tuple[str, ...]:
        """Conditions of rows that this mode reads at all, up to the bound."""
        if not self.chosen.cursor:
            return ()
        cursor = self.chosen.cursor[0]
        conditions = [f"{server.words.ident(cursor.name)} IS NOT NULL"] if cursor.nullable else []
        if bound is not None:
            conditions.append(server.words.compared(cursor, "<", bound))
        return tuple(conditions)

    def of_history(self, server: Server, position: Position) -> tuple[str, ...]:
        """Conditions of the rows that the first read brings; increments bring all others."""
        conditions = self.below(server, position.bound)
        if position.start is None:
            return conditions
        return (*conditions, server.words.up_to(self.chosen.order, position.start))

    def read(
        self, server: Server, position: Position, how: How
    ) -> Iterator[tuple[Position, Piece | None]]:
        """Pieces, each with the position after it; it moves at the end of the late rows first."""
        assert position.seen is not None
        seen = Seen.of(server.horizon(), position.seen)
        if not self.chosen.cursor:
            yield from self._by_version(server, position, seen, how)
            return
        yield from ((position, piece) for piece in self._late(server, position, how))
        if how.cancel.is_set():
            return
        position = replace(position, seen=seen, bound=self._bound(server, seen))
        where = self.below(server, position.bound)
        if position.at is None and position.floor is not None:
            where = (*where, server.words.compared(self.chosen.cursor[0], ">=", position.floor))
        rows = Ordered(self.table, where, self.chosen.order, self.chosen.unique, position.at)
        for piece in rows.pieces(server, how):
            position = replace(position, at=piece.at or position.at)
            yield position, piece
        if not how.cancel.is_set():
            yield self.ended(server, position), None

    def never_read(self, server: Server) -> str | None:
        """A warning when the cursor has nulls: such rows are no part of this mode."""
        if not self.chosen.cursor or not self.chosen.cursor[0].nullable:
            return None
        name = server.words.ident(self.chosen.cursor[0].name)
        count = server.scalar(f"SELECT count(*) FROM {self.table.origin} WHERE {name} IS NULL")
        if not count:
            return None
        return f"{count:,} rows have no value in {self.chosen.cursor[0].name} and are not read."

    def _by_version(
        self, server: Server, position: Position, seen: Seen, how: How
    ) -> Iterator[tuple[Position, Piece | None]]:
        """Rows that became visible since, by the transaction that wrote them alone."""
        assert position.seen is not None
        late = server.late(position.seen.token)
        where = (late,) if late is not None else ()
        for piece in Ordered(self.table, where).pieces(server, how):
            yield position, replace(piece, again=True)
        if not how.cancel.is_set():
            yield replace(position, seen=seen), None

    def ended(self, server: Server, position: Position) -> Position:
        """The position after a read that came to its end, with a mark of where it stood.

        Where rows are read only below the server's clock, whatever is chosen from that
        time on is above them; elsewhere a value may be chosen until the last snapshot, or
        none was when the server has had no writer since.
        """
        assert position.seen is not None
        if not self.chosen.cursor:
            return position
        clock = position.seen.clock_ms
        if not self.chosen.bounded:
            after = server.horizon()
            quiet = after.token == position.seen.token and not after.open
            clock = clock if quiet else after.clock_ms
        return position.marked(Mark(clock, position.mark))

    def _late(self, server: Server, position: Position, how: How) -> Iterator[Piece]:
        """Rows at or below the position that transactions of the time of `seen` brought since."""
        assert position.seen is not None
        if position.reached is None:
            return
        words, cursor = server.words, self.chosen.cursor[0]
        late = server.late(position.seen.token) if self.table.versioned else None
        lowest = position.lowest()
        if late is None and lowest == position.reached:
            return
        where = [*self.below(server, None)]
        if lowest is not None:
            some_open = position.seen.oldest_ms < position.seen.clock_ms
            least = _less(lowest, cursor) if late is not None and some_open else lowest
            where.append(words.compared(cursor, ">=", least))
        if position.at is not None:
            where.append(words.up_to(self.chosen.order, position.at))
        else:
            where.append(words.compared(cursor, "<", position.reached))
        if late is not None:
            where.append(late)
        for piece in Ordered(self.table, tuple(where)).pieces(server, how):
            yield replace(piece, again=True)

    def _bound(self, server: Server, seen: Seen) -> str | None:
        if not self.chosen.bounded:
            return None
        return server.words.moment(seen.clock_ms - self.chosen.delay_ms, self.chosen.cursor[0])


def _less(value: str, cursor: Column) -> str:
    """The value less the margin, in the same form."""
    if cursor.is_integer:
        return str(int(value) - _MARGIN_IDS)
    if not cursor.is_moment:
        return value
    try:
        return (datetime.fromisoformat(value) - _MARGIN_TIME).isoformat(" ")
    except OverflowError:
        return value
