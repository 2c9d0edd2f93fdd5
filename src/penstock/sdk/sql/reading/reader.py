"""One read of one table: its history, or what came since, as batches."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa

from penstock.core.batch import Batch, FailedEvent, Hint
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import ObjectFailed
from penstock.sdk.source import ReadContext
from penstock.sdk.sql.reading.blocks import CAREFUL, USUAL, Blocks
from penstock.sdk.sql.reading.history import History
from penstock.sdk.sql.reading.increments import Increments
from penstock.sdk.sql.reading.modes import QueryMode
from penstock.sdk.sql.reading.offers import Member
from penstock.sdk.sql.reading.pages import How, Ordered, Piece, sliced
from penstock.sdk.sql.reading.position import Position
from penstock.sdk.sql.reading.server import Read, Rows, Server
from penstock.sdk.sql.reading.settings import ReadingSettings

_SEEN: Final = pa.scalar(Hint.SEEN, pa.uint8())
ROW_CAP: Final = 5_000_000
"""Most rows of a full load of a table without an index (pipelines.md 2.5)."""
_MOST_BLOCK: Final = 1 << 20
"""Blocks of four times the size take 35 MB more of memory and save no time."""
_LEAST_BLOCK: Final = 1 << 16


class Reader:
    """Reads one table in one job.

    Args:
        name: of the object that its batches belong to.
    """

    def __init__(
        self,
        server: Server,
        settings: ReadingSettings,
        name: str,
        member: Member,
        context: ReadContext,
    ) -> None:
        self._server = server
        self._settings = settings
        self._name = name
        self._table, self._chosen = member.table, member.chosen
        self._added = member.added
        self._context = context
        self._increments = Increments(self._table, self._chosen) if self._chosen.again else None
        self._how = How(
            cancel=context.cancel,
            page_rows=settings.page_rows,
            batch_rows=max(context.package_rows, 1),
            # Text and columns of a block are there at once, and some of the block after it.
            blocks=Blocks(
                max(min(context.batch_bytes // 2, _MOST_BLOCK), _LEAST_BLOCK),
                CAREFUL if context.cut_short else USUAL,
            ),
        )

    @property
    def cancel(self) -> threading.Event:
        """Set when the job should stop."""
        return self._context.cancel

    def some(self, limit: int) -> Iterator[Batch]:
        """The first rows, for a preview."""
        for piece in Ordered(self._table).pieces(self._server, replace(self._how, limit=limit)):
            yield self._batch(piece, None)

    def where(self, conditions: Sequence[str]) -> Iterator[Batch]:
        """Rows under conditions, as they are now."""
        order = self._table.columns_of(self._table.key)
        for piece in Ordered(self._table, tuple(conditions), order).pieces(self._server, self._how):
            yield self._batch(piece, None)

    def at_once(self, read: Read) -> Iterator[Batch]:
        """The whole table by one statement, with a checkpoint at its end alone.

        Args:
            read: runs the statement; the server's own `read`, or one around it.
        """
        self._refuse_large()
        if self._table.rows is not None:
            self._context.expect(self._table.rows)
        columns, how = self._table.columns, self._how
        sql = self._server.words.select(columns, self._table.origin)
        found = read(sql, columns, cancel=how.cancel, blocks=how.blocks)
        for rows in sliced(found, how.batch_rows):
            yield self._batch(Piece(rows, None), None)
        if not how.cancel.is_set():
            yield self._batch(None, Position(str(self._chosen.mode), complete=True))

    def known(self, checkpoint: Checkpoint | None) -> Position | None:
        """The checkpoint's position; None when it is of another mode or other columns."""
        if checkpoint is None or self._context.restart:
            return None
        position = Position.of(checkpoint)
        same = position.mode == str(self._chosen.mode)
        same = same and position.order == tuple(item.name for item in self._chosen.order)
        return position if same else None

    def batches(self, checkpoint: Checkpoint | None) -> Iterator[Batch]:
        """From the checkpoint to what there is now; the last one has the next job's checkpoint."""
        position = self.known(checkpoint)
        if checkpoint is not None and position is None:
            yield Batch(self._name, warnings=(
                "The query mode or its columns changed: the object is read from the beginning.",
            ))  # fmt: skip
        if position is None or (position.complete and self._increments is None):
            position = self._begin()
            if self._table.rows is not None:
                self._context.expect(self._table.rows)
        if not position.complete:
            position = yield from self._history(position)
        if self._context.cancel.is_set() or self._increments is None:
            return
        if warning := self._increments.never_read(self._server):
            yield Batch(self._name, warnings=(warning,))
        for reached, piece in self._increments.read(self._server, position, self._how):
            safe = piece is None or piece.at is not None
            yield self._batch(piece, reached if safe else None)

    def _begin(self) -> Position:
        self._refuse_large()
        if self._increments is None:
            position = Position(str(self._chosen.mode))
        else:
            position = self._increments.begin(self._server, None, self._how)
            if position.complete:
                return position
        history = self._history_of(position)
        split = history.split.name if history.split else None
        return replace(position, parts=history.parts(self._server), split=split)

    def _refuse_large(self) -> None:
        table = self._table
        if table.key or table.indexes or (table.rows or 0) <= ROW_CAP:
            return
        if self._chosen.mode is not QueryMode.FULL_LOAD:
            return
        raise ObjectFailed(
            f"{self._name} has about {table.rows:,} rows and no index to read it by; "
            f"a full load without one stops at {ROW_CAP:,}.",
            hint="Give the table a primary key or an index, or choose another query_mode.",
            code="FULL_LOAD_ROW_CAP",
            object=self._name,
        )

    def _history_of(self, position: Position) -> History:
        table = self._table
        order = table.columns_of(table.key)
        where = self._increments.of_history(self._server, position) if self._increments else ()
        if self._chosen.mode is QueryMode.APPEND_ONLY:
            # Its position is the greatest value read, so it goes in the cursor's order.
            order = self._chosen.order
        return History(table, where, order, order[0] if order else None)

    def _history(self, position: Position) -> Generator[Batch, None, Position]:
        """Rows of all parts that are not done; returns the position after them."""
        history = self._history_of(position)
        parts = list(position.parts)
        found = history.read(self._server, parts, self._how, self._settings.historical_parallelism)
        for number, part, piece in found:
            parts[number] = part
            position = replace(position, parts=tuple(parts))
            safe = piece is None or piece.at is not None
            if piece is not None:
                yield self._batch(piece, position if safe else None)
        if self._context.cancel.is_set():
            return position
        position = self._complete(position)
        yield self._batch(None, position)
        return position

    def _complete(self, position: Position) -> Position:
        """After the history: where increments begin."""
        at = position.start
        if self._chosen.mode is QueryMode.APPEND_ONLY:
            # Parts are in the order of the cursor, so the last that has rows came furthest.
            at = next((part.at for part in reversed(position.parts) if part.at), None)
        position = replace(
            position, parts=(), split=None, complete=True, at=at, floor=position.bound
        )
        if self._increments is None:
            return position
        return self._increments.ended(self._server, position)

    def _batch(self, piece: Piece | None, position: Position | None) -> Batch:
        checkpoint = position.checkpoint(self._shown(position)) if position else None
        if piece is None:
            return Batch(self._name, checkpoint=checkpoint)
        rows = piece.rows
        self._how.blocks.took(rows.batch.num_rows, rows.size)
        failed = tuple(
            _failed(self._name, rows, item.index, item.reason, self._table.key)
            for item in rows.refusals
        )
        batch = self._with_added(_without(rows.batch, [item.index for item in rows.refusals]))
        return Batch(
            self._name, batch, checkpoint, failed, op="R" if self._increments is None else "U",
            bytes_read=rows.size, warnings=rows.warnings,
            hints=pa.repeat(_SEEN, batch.num_rows) if piece.again else None,
        )  # fmt: skip

    def _with_added(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows with columns that say where they come from."""
        for name, value in self._added.items():
            constant = pa.repeat(pa.scalar(value, pa.string()), batch.num_rows)
            batch = batch.append_column(pa.field(name, pa.string()), constant)
        return batch

    def _shown(self, position: Position) -> dict[str, Any]:
        if position.parts:
            done = sum(part.done for part in position.parts)
            return {"parts": f"{done} of {len(position.parts)}"}
        if position.reached is None:
            return {}
        values = position.at or (position.reached,)
        return {item.name: value for item, value in zip(self._chosen.order, values, strict=False)}


def _failed(stream: str, rows: Rows, index: int, reason: str, key: Sequence[str]) -> FailedEvent:
    """The row as the server wrote it."""
    texts = rows.texts[index]
    values = [texts.get(name) for name in key]
    known = bool(values) and all(value is not None for value in values)
    return FailedEvent(
        stream,
        "INGESTION",
        "PARSE_ERROR",
        reason,
        json.dumps(texts, ensure_ascii=False),
        key=":".join(str(value) for value in values) if known else None,
        event_type=stream,
    )


def _without(batch: pa.RecordBatch, indices: Sequence[int]) -> pa.RecordBatch:
    if not indices:
        return batch
    mask = bytearray(b"\x01") * batch.num_rows
    for index in indices:
        mask[index] = 0
    return batch.filter(pa.array(mask, pa.uint8()).cast(pa.bool_()))
