"""Tables, views and queries of a database as a source."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pyarrow as pa

from penstock.core.batch import Batch, FailedEvent, Hint
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import ObjectFailed
from penstock.core.spec import ObjectSettings, PipelineSpec
from penstock.core.stream import ReadMode, Split, Stream
from penstock.sdk.source import ReadContext, Source, SourceStats, Step
from penstock.sdk.sql.reading.history import History
from penstock.sdk.sql.reading.increments import Increments
from penstock.sdk.sql.reading.modes import Chosen, QueryMode, choose
from penstock.sdk.sql.reading.pages import How, Ordered, Piece
from penstock.sdk.sql.reading.position import Position
from penstock.sdk.sql.reading.server import Rows, Server, Table
from penstock.sdk.sql.reading.settings import ReadingSettings

_SEEN: Final = pa.scalar(Hint.SEEN, pa.uint8())
ROW_CAP: Final = 5_000_000
"""Most rows of a full load of a table without an index (pipelines.md 2.5)."""


@dataclass(frozen=True)
class Reading:
    """One object: its table, how it is read, and how it is offered."""

    table: Table
    chosen: Chosen
    stream: Stream


class SqlSource(Source):
    """Reads what a `Server` offers, by the query modes of pipelines.md 2.5."""

    def __init__(self, server: Server, settings: ReadingSettings) -> None:
        self._server = server
        self._settings = settings
        self._pipeline: PipelineSpec | None = None
        self._readings: dict[str, Reading] | None = None

    def configure(self, pipeline: PipelineSpec) -> None:
        self._pipeline = pipeline
        self._readings = None

    def check(self) -> Iterator[Step]:
        yield from self._server.check()

    def discover(self) -> list[Stream]:
        return [reading.stream for reading in self._offered().values()]

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        reading = self._offered()[split.streams[0]]
        read = _Read(self._server, self._settings, reading, context)
        if context.limit:
            yield from read.some()
            return
        position = read.known(None if context.restart else checkpoint)
        yield from read.batches(position)

    def estimate(self, stream: Stream) -> int | None:
        return stream.estimated_rows

    @property
    def identity(self) -> str:
        return self._server.identity

    @property
    def stats(self) -> SourceStats:
        return self._server.stats

    def close(self) -> None:
        self._server.close()

    def _offered(self) -> dict[str, Reading]:
        """Objects by name; asked of the server once."""
        if self._readings is None:
            settings = self._settings
            if settings.query is not None:
                tables = [self._server.query_table(settings.query_name, settings.query)]
            else:
                tables = self._server.catalogue()
            named = {name: table for table in tables for name in [self._name(table, tables)]}
            self._readings = {name: self._reading(name, named[name]) for name in named}
        return self._readings

    @staticmethod
    def _name(table: Table, tables: Sequence[Table]) -> str:
        several = len({item.schema for item in tables}) > 1
        return f"{table.schema}.{table.name}" if several else table.name

    def _reading(self, name: str, table: Table) -> Reading:
        wanted = self._pipeline.object_settings(name) if self._pipeline else ObjectSettings()
        chosen = choose(table, wanted, xmin=self._settings.mode == "XMIN")
        whole = chosen.mode is QueryMode.FULL_LOAD
        stream = Stream(
            name,
            table.arrow_schema,
            primary_key=table.key,
            cursor=chosen.cursor[0].name if chosen.cursor else None,
            mode=ReadMode.FULL if whole else ReadMode.INCREMENTAL,
            title=table.title,
            modified_field=chosen.cursor[0].name if chosen.bounded else None,
            estimated_rows=table.rows,
        )
        return Reading(table, chosen, stream)


class _Read:
    """One read of one object."""

    def __init__(
        self, server: Server, settings: ReadingSettings, reading: Reading, context: ReadContext
    ) -> None:
        self._server = server
        self._settings = settings
        self._table, self._chosen = reading.table, reading.chosen
        self._name = reading.stream.name
        self._key = reading.stream.primary_key
        self._context = context
        self._increments = Increments(self._table, self._chosen) if self._chosen.cursor else None
        self._how = How(
            cancel=context.cancel,
            page_rows=settings.page_rows,
            batch_rows=max(context.package_rows, 1),
            # Text and columns of a block are there at once, and some of the block after it.
            block_bytes=max(min(context.batch_bytes // 2, 4 << 20), 1 << 16),
        )

    def some(self) -> Iterator[Batch]:
        """The first rows, for a preview."""
        how = replace(self._how, limit=self._context.limit)
        for piece in Ordered(self._table).pieces(self._server, how):
            yield self._batch(piece, None)

    def known(self, checkpoint: Checkpoint | None) -> Position | None:
        """The checkpoint's position; None when it is of another mode or other columns."""
        if checkpoint is None:
            return None
        position = Position.of(checkpoint)
        same = position.mode == str(self._chosen.mode)
        same = same and position.order == tuple(item.name for item in self._chosen.order)
        return position if same else None

    def batches(self, position: Position | None) -> Iterator[Batch]:
        if position is None or (position.complete and self._increments is None):
            position = self._begin()
            if self._table.rows is not None:
                self._context.expect(self._table.rows)
        if not position.complete:
            position = yield from self._history(position)
        if self._context.cancel.is_set() or self._increments is None:
            return
        for reached, piece in self._increments.read(self._server, position, self._how):
            safe = piece is None or piece.at is not None
            yield self._batch(piece, reached if safe else None)

    def _begin(self) -> Position:
        self._refuse_large()
        if self._increments is None:
            position = Position(str(self._chosen.mode))
        else:
            position = self._increments.begin(self._server, None)
        history = self._history_of(position)
        split = history.split.name if history.split else None
        return replace(position, parts=history.parts(self._server), split=split)

    def _refuse_large(self) -> None:
        table = self._table
        if table.key or table.indexes or (table.rows or 0) <= ROW_CAP:
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
        where = self._increments.below(self._server, position.bound) if self._increments else ()
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
        at = None
        if self._chosen.mode is QueryMode.APPEND_ONLY:
            # Parts are in the order of the cursor, so the last that has rows came furthest.
            at = next((part.at for part in reversed(position.parts) if part.at), None)
        position = replace(
            position, parts=(), split=None, complete=True, at=at, floor=position.bound
        )
        return self._increments.ended(self._server, position) if self._increments else position

    def _batch(self, piece: Piece | None, position: Position | None) -> Batch:
        checkpoint = position.checkpoint(self._shown(position)) if position else None
        if piece is None:
            return Batch(self._name, checkpoint=checkpoint)
        rows = piece.rows
        failed = tuple(
            _failed(self._name, rows, item.index, item.reason, self._key) for item in rows.refusals
        )
        batch = _without(rows.batch, [item.index for item in rows.refusals])
        return Batch(
            self._name, batch, checkpoint, failed, op="R" if self._increments is None else "U",
            bytes_read=rows.size,
            hints=pa.repeat(_SEEN, batch.num_rows) if piece.again else None,
        )  # fmt: skip

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
