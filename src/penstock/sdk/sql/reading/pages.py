"""Read rows in an order, page by page, each page from where the last one ended."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.sdk.sql.reading.blocks import Blocks
from penstock.sdk.sql.reading.server import Column, Refusal, Rows, Server, Table

Values = tuple[str, ...]
_OF_BATCH: Final = 2
"""Text of a row is about half of the memory that it takes as columns and text together."""


@dataclass(frozen=True)
class How:
    """Sizes of one read.

    Args:
        page_rows: rows of one statement.
        batch_rows: most rows of a piece.
        blocks: text of a piece.
        limit: stop after so many rows; 0 is no limit.
    """

    cancel: threading.Event = field(default_factory=threading.Event)
    page_rows: int = 1_000_000
    batch_rows: int = 61_440
    blocks: Blocks = field(default_factory=lambda: Blocks(4 << 20))
    limit: int = 0


@dataclass(frozen=True)
class Piece:
    """Rows, and the values of the order's columns in the last of them.

    Args:
        at: None where one cannot go on from: the value is not known, or the next row may
            have the same.
        again: these rows were perhaps read before.
    """

    rows: Rows
    at: Values | None
    again: bool = False


@dataclass(frozen=True)
class Ordered:
    """Rows of a table under conditions, in the order of some columns.

    Args:
        order: none reads in any order, in one statement.
        unique: no two rows share their values, so that a page may end at any row.
        after: rows up to here were read before.
    """

    table: Table
    where: tuple[str, ...] = ()
    order: tuple[Column, ...] = ()
    unique: bool = True
    after: Values | None = None

    def pieces(self, server: Server, how: How) -> Iterator[Piece]:
        """All rows; each page is a statement with its own snapshot."""
        if not self.order:
            for rows in sliced(self._page(server, how, how.limit), how.batch_rows):
                yield Piece(rows, None)
        elif self.unique:
            yield from self._pages(server, how)
        else:
            yield from self._tied(server, how)

    def furthest(self, server: Server, how: How) -> Piece | None:
        """The last of the rows, which nothing is read before; None when there are none."""
        words = server.words
        backwards = ", ".join(f"{words.order([item])} DESC" for item in self.order)
        sql = words.select(self.order, self.table.origin, self.where)
        sql = f"{sql} ORDER BY {backwards} LIMIT 1"
        for rows in server.read(sql, self.order, cancel=how.cancel, blocks=how.blocks.largest):
            return Piece(rows, self._last(server, rows))
        return None

    def _pages(self, server: Server, how: How) -> Iterator[Piece]:
        now = self
        left = how.limit or sys.maxsize
        while left and not how.cancel.is_set():
            page = how.blocks.next_page(how.page_rows) if self._is_indexed else how.page_rows
            # A small page is one block, not one and a rest.
            blocks = how.blocks if page == how.page_rows else how.blocks.largest
            size = min(page, left)
            count = 0
            for rows in sliced(now._page(server, how, size, blocks), how.batch_rows):
                count += rows.batch.num_rows
                at = self._last(server, rows)
                if at is not None:
                    now = replace(now, after=at)
                yield Piece(rows, at)
            left -= count
            if count < size:
                return

    @property
    def _is_indexed(self) -> bool:
        """Whether the server finds a page without a look at all rows."""
        names = tuple(item.name for item in self.order)
        return self.table.kind == "table" and names == tuple(self.table.key)

    def _tied(self, server: Server, how: How) -> Iterator[Piece]:
        """One statement; a piece ends before the last group of equal values."""
        held: Rows | None = None
        for rows in self._page(server, how, how.limit):
            both = _joined(held, rows) if held is not None else rows
            ready, held = self._split(both)
            if ready is not None:
                yield Piece(ready, self._last(server, ready))
        if held is not None:
            yield Piece(held, self._last(server, held))

    def _split(self, rows: Rows) -> tuple[Rows | None, Rows | None]:
        """Rows before the last group of equal values, and that group."""
        values = rows.batch.column(self.order[0].name)
        first = pc.index(values, values[-1]).as_py() if values[-1].is_valid else 0
        if first <= 0:
            return None, rows
        return cut(rows, 0, first), cut(rows, first, rows.batch.num_rows)

    def _page(
        self, server: Server, how: How, limit: int, blocks: Blocks | None = None
    ) -> Iterator[Rows]:
        where = [*self.where]
        if self.after is not None:
            where.append(server.words.after(self.order, self.after))
        columns = self.table.columns
        sql = server.words.select(columns, self.table.origin, where, self.order, limit)
        return server.read(sql, columns, cancel=how.cancel, blocks=blocks or how.blocks)

    def _last(self, server: Server, rows: Rows) -> Values | None:
        last = rows.batch.slice(rows.batch.num_rows - 1, 1)
        values = [last.column(item.name)[0].as_py() for item in self.order]
        if any(value is None for value in values):
            return None
        return tuple(
            server.words.text(value, item) for value, item in zip(values, self.order, strict=True)
        )


def sliced(pieces: Iterator[Rows], most: int) -> Iterator[Rows]:
    """The same rows, at most `most` in a piece."""
    for rows in pieces:
        for start in range(0, rows.batch.num_rows, most):
            yield cut(rows, start, start + most)


def cut(rows: Rows, start: int, stop: int) -> Rows:
    """Rows from `start` to before `stop`."""
    count = rows.batch.num_rows
    stop = min(stop, count)
    if start == 0 and stop == count:
        return rows
    inside = [item for item in rows.refusals if start <= item.index < stop]
    return Rows(
        rows.batch.slice(start, stop - start),
        tuple(Refusal(item.index - start, item.column, item.reason) for item in inside),
        {index - start: text for index, text in rows.texts.items() if start <= index < stop},
        rows.size * (stop - start) // max(count, 1),
        () if start else rows.warnings,
    )


def _joined(first: Rows, second: Rows) -> Rows:
    moved = first.batch.num_rows
    # The types of columns without a declared type may differ from piece to piece.
    table = pa.concat_tables(
        [pa.Table.from_batches([first.batch]), pa.Table.from_batches([second.batch])],
        promote_options="permissive",
    )
    batch = table.combine_chunks().to_batches()[0]
    return Rows(
        batch,
        first.refusals
        + tuple(Refusal(item.index + moved, item.column, item.reason) for item in second.refusals),
        {**first.texts, **{index + moved: text for index, text in second.texts.items()}},
        first.size + second.size,
        first.warnings + second.warnings,
    )
