"""A database in memory with a change log, and the source that reads it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pyarrow as pa

from penstock.core import metadata
from penstock.core.batch import PER_ROW, Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import PenstockError
from penstock.core.splits import LOG_SPLIT, history_is_read
from penstock.core.stream import ReadMode, Split, Stream
from penstock.sdk.source import NOTHING_SAVED, ReadContext, Source, SourceStats, Step

Row = dict[str, Any]
TRUNCATE = "T"
SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string()), ("body", pa.string())])
OUT = "(left out)"
"""Stands for a value of a row that the log leaves out."""


@dataclass(frozen=True)
class Change:
    """What one statement did to one row; `row` is what the log tells of it."""

    table: str
    op: str
    row: Row


class Database:
    """Tables with the key `id` (or none), and every transaction ever committed."""

    def __init__(self, *tables: str, keyless: Sequence[str] = ()) -> None:
        self.tables: dict[str, dict[int, Row]] = {name: {} for name in (*tables, *keyless)}
        self.keyless = set(keyless)
        self.log: list[tuple[Change, ...]] = []
        self.lock = threading.RLock()
        self._open: list[Change] | None = None
        self._rows = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.lock:
            self._open = []
            yield
            self.log.append(tuple(self._open))
            self._open = None

    def insert(self, table: str, number: int, name: str, body: str = "b") -> None:
        row = {"id": number, "name": name, "body": body}
        self._rows += 1
        self._do(table, self._rows if table in self.keyless else number, row, "I", row)

    def update(self, table: str, number: int, **values: str) -> None:
        """The log leaves out a `body` that did not change."""
        row = {**self.tables[table][number], **values}
        self._do(table, number, row, "U", {**row, "body": values.get("body", OUT)})

    def delete(self, table: str, number: int) -> None:
        self._do(table, number, None, "D", {"id": number})

    def move(self, table: str, old: int, new: int) -> None:
        """A change of the key."""
        row = {**self.tables[table][old], "id": new}
        with self.lock:
            self._do(table, old, None, "D", {"id": old})
            self._do(table, new, row, "I", row)

    def truncate(self, table: str) -> None:
        with self.lock:
            self.tables[table].clear()
            self._log(Change(table, TRUNCATE, {}))

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        with self.lock:
            return sorted(tuple(row.values()) for row in self.tables[table].values())

    def _do(self, table: str, place: int, row: Row | None, op: str, told: Row) -> None:
        with self.lock:
            if row is None:
                del self.tables[table][place]
            else:
                self.tables[table][place] = row
            self._log(Change(table, op, dict(told)))

    def _log(self, change: Change) -> None:
        if self._open is not None:
            self._open.append(change)
        else:
            self.log.append((change,))


@dataclass
class LogSource(Source):
    """History in chunks of keys, then the log.

    Args:
        chunk: keys in a chunk of history, rows in a batch of it.
        most: transactions in one round of the log.
        reading: called with what is about to be read, for those who want to change it.
        fail: errors by split, raised when it is about to be read.
    """

    database: Database
    chunk: int = 1_000_000
    batch: int = 1_000_000
    most: int = 1_000
    history: bool = True
    reading: Callable[[str], None] = lambda _split: None
    fail: dict[str, PenstockError] = field(default_factory=dict)
    acknowledged: list[int] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    def check(self) -> Iterator[Step]:
        yield Step("memory", ok=True)

    @property
    def identity(self) -> str:
        return "memory database"

    @property
    def stats(self) -> SourceStats:
        behind = len(self.database.log) - (self.acknowledged or [0])[-1]
        return SourceStats(lag_bytes=100 * behind, lag_seconds=float(behind))

    def discover(self) -> list[Stream]:
        return [
            Stream(
                name, SCHEMA, () if name in self.database.keyless else ("id",),
                mode=ReadMode.LOG, reports_deletes=True,
            )
            for name in self.database.tables
        ]  # fmt: skip

    def plan(
        self, streams: Sequence[Stream], saved: Mapping[str, Checkpoint] = NOTHING_SAVED
    ) -> list[Split]:
        names = tuple(stream.name for stream in streams)
        splits = [Split(LOG_SPLIT, names)]
        for name in names:
            if self.history and not history_is_read(name, saved):
                splits += self._chunks(name, saved)
        return splits

    def _chunks(self, table: str, saved: Mapping[str, Checkpoint]) -> Iterator[Split]:
        known = {split: at for split, at in saved.items() if split.rpartition("#")[0] == table}
        if not known:
            last = max(self.database.tables[table], default=0)
            bounds = [*range(0, last, self.chunk), None]
            for number, (low, high) in enumerate(pairwise(bounds), 1):
                bound = {"after": low, "to": high, "done": False}
                known[f"{table}#{number}"] = Checkpoint(bound)
        if not known:
            known[f"{table}#1"] = Checkpoint({"after": 0, "to": None, "done": False})
        for split, at in known.items():
            yield Split(split, (table,), 1, after=LOG_SPLIT, history=True, start=at)

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        self.begun.append(split.name)
        self.reading(split.name)
        if split.name in self.fail:
            raise self.fail.pop(split.name)
        if split.history:
            assert checkpoint is not None
            return self._history(split.streams[0], checkpoint, context)
        return self._log(set(split.streams), checkpoint, context)

    def _history(self, table: str, at: Checkpoint, context: ReadContext) -> Iterator[Batch]:
        position = dict(at.position)
        while not position["done"]:
            began = context.clock() - 1
            with self.database.lock:
                keys = [
                    key for key in sorted(self.database.tables[table])
                    if key > position["after"] and key <= (position["to"] or key)
                ]  # fmt: skip
                most = context.limit or self.batch
                rows = [self.database.tables[table][key] for key in keys[:most]]
            self.reading(f"{table} after {position['after']}")
            if context.limit:
                yield Batch(table, pa.RecordBatch.from_pylist(rows, SCHEMA), ingested_at=began)
                return
            done = len(keys) <= most
            position |= {"done": done, "after": keys[len(rows) - 1] if rows else position["after"]}
            yield Batch(
                table, pa.RecordBatch.from_pylist(rows, SCHEMA), Checkpoint(dict(position)),
                op="R", ingested_at=began,
            )  # fmt: skip

    def rows_of(
        self, stream: Stream, keys: pa.RecordBatch, context: ReadContext
    ) -> Iterator[Batch]:
        wanted = set(keys.column("id").to_pylist())
        with self.database.lock:
            rows = [row for key, row in self.database.tables[stream.name].items() if key in wanted]
        yield Batch(stream.name, pa.RecordBatch.from_pylist(rows, SCHEMA), op="R")

    def _log(
        self, tables: set[str], checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        at = checkpoint.position["at"] if checkpoint else len(self.database.log)
        yield self._heartbeat(at)
        end = None
        while not context.cancel.is_set():
            if end is None and not context.follow and context.others_ended.is_set():
                end = len(self.database.log)
            some = self.database.log[at : at + self.most]
            self.reading(f"log at {at}")
            yield from self._batches(tables, some)
            at += len(some)
            new = [name for name in self.database.tables if name not in tables]
            yield self._heartbeat(at, replan=bool(new))
            if end is not None and at >= end:
                return
            if not some:
                context.cancel.wait(0.01)

    def _heartbeat(self, at: int, *, replan: bool = False) -> Batch:
        shown = Checkpoint({"at": at}, {"transaction": at})
        return Batch("", checkpoint=shown, op=PER_ROW, replan=replan)

    def _batches(self, tables: set[str], some: list[tuple[Change, ...]]) -> Iterator[Batch]:
        waiting: dict[str, list[Change]] = {}
        for change in (change for transaction in some for change in transaction):
            if change.table not in tables:
                continue
            if change.op == TRUNCATE:
                if rows := waiting.pop(change.table, []):
                    yield Batch(change.table, _rows(rows), op=PER_ROW)
                yield Batch(change.table, op=PER_ROW, truncated=True)
            else:
                waiting.setdefault(change.table, []).append(change)
        for table, rows in waiting.items():
            yield Batch(table, _rows(rows), op=PER_ROW)

    def acknowledge(self, split: Split, checkpoint: Checkpoint) -> None:
        if split.name == LOG_SPLIT:
            self.acknowledged.append(checkpoint.position["at"])


def _rows(changes: list[Change]) -> pa.RecordBatch:
    columns = [
        pa.array([None if c.row.get(f.name) == OUT else c.row.get(f.name) for c in changes], f.type)
        for f in SCHEMA
    ]
    names = [*SCHEMA.names, metadata.OP]
    columns.append(pa.array([change.op for change in changes]))
    out = pa.array([change.row.get("body") == OUT for change in changes])
    if any(out.to_pylist()):
        names.append(metadata.LEFT_OUT)
        columns.append(pa.StructArray.from_arrays([out], ["body"]))
    return pa.RecordBatch.from_arrays(columns, names)
