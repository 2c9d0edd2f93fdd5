"""Failed events as a source: they come once more from their files."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core import metadata
from penstock.core.batch import PER_ROW, Batch, FailedEvent
from penstock.core.checkpoint import Checkpoint
from penstock.core.mapping import Mapping as TableMapping
from penstock.core.records import FailedFilter, FailedRow
from penstock.core.stream import Split, Stream
from penstock.engine.mappers import key_fields
from penstock.engine.staging import Staging
from penstock.sdk.replay import parse_events
from penstock.sdk.row_ids import row_id
from penstock.sdk.source import NOTHING_SAVED, ReadContext, Source, SourceStats, Step
from penstock.store import Catalog

_AT_ONCE = 5_000


class ReplaySource(Source):
    """Stands in for a pipeline's source and gives its failed events again.

    Each event keeps its operation and the time at which it was first read, so that it can
    never overwrite a newer version of its row. One that a transformation had made begins after
    it, as the event that it was by then (pipelines.md 14.3).

    Args:
        mappings: of the event types, for the fields of such events.
    """

    def __init__(
        self,
        source: Source,
        rows: Sequence[FailedRow],
        staging: Staging,
        still_failed: Callable[[], Collection[int]],
        mappings: Mapping[str, TableMapping],
    ) -> None:
        self._source = source
        self._mappings = mappings
        self._staging = staging
        self._still_failed = still_failed
        self._by_object: dict[str, list[FailedRow]] = {}
        for row in rows:
            self._by_object.setdefault(row.object, []).append(row)

    def check(self) -> Iterator[Step]:
        return self._source.check()

    def discover(self) -> list[Stream]:
        return [item for item in self._source.discover() if item.name in self._by_object]

    def plan(
        self,
        streams: Sequence[Stream],
        saved: Mapping[str, Checkpoint] = NOTHING_SAVED,  # noqa: ARG002
    ) -> list[Split]:
        return [Split(f"replay of {item.name}", (item.name,)) for item in streams]

    def read(
        self,
        split: Split,
        checkpoint: Checkpoint | None,  # noqa: ARG002 (a replay has no position)
        context: ReadContext,
    ) -> Iterator[Batch]:
        name = split.streams[0]
        stream = next(item for item in self.discover() if item.name == name)
        chosen = self._by_object[name]
        # Asked only now: a package that an earlier replay left may have brought some of them.
        failed = self._still_failed()
        order = sorted(
            (row for row in chosen if row.id in failed),
            key=lambda row: (row.ingested_at, row.attempt, row.seq),
        )
        for (ingested_at, attempt), group in groupby(
            order, key=lambda row: (row.ingested_at, row.attempt)
        ):
            rows = list(group)
            for start in range(0, len(rows), _AT_ONCE):
                if context.cancel.is_set():
                    return
                some = rows[start : start + _AT_ONCE]
                events = zip(some, raw_events(self._staging, some), strict=True)
                for (op, made), alike in groupby(events, key=lambda e: (e[1].op, _made(e[1]))):
                    again = Batch(stream.name, op=op, ingested_at=ingested_at, attempt=attempt + 1)
                    if made is not None:
                        again = replace(again, event_type=made, shaped=True)
                    yield self._batch(stream, again, list(alike), context.infer_dates)

    def _batch(
        self,
        stream: Stream,
        batch: Batch,
        chosen: Sequence[tuple[FailedRow, FailedEvent]],
        infer_dates: bool,
    ) -> Batch:
        """The batch with rows out of these events."""
        events = [event for _, event in chosen]
        raw, left_out = _without_marks([event.raw for event in events])
        if batch.shaped:
            batch, shape = self._as_made(batch)
            table, unread = parse_events(replace(stream, schema=shape), raw)
        else:
            table, unread = self._source.parse(stream, raw, infer_dates=infer_dates)
        again = tuple(
            FailedEvent(
                object=stream.name,
                stage="INGESTION",
                code="PARSE_ERROR",
                reason=item.reason,
                raw=events[item.index].raw,
                key=events[item.index].key,
                ingested_at=batch.ingested_at,
                attempt=batch.attempt,
                row_id=events[item.index].row_id,
                op=batch.op,
            )
            for item in unread
        )
        replayed = tuple(row.id for row, _ in chosen)
        gone = {item.index for item in unread}
        good = [event for at, event in enumerate(events) if at not in gone]
        ids = _row_ids(stream, good)
        batch = replace(batch, rows=table, row_ids=ids, failed=again, replayed=replayed)
        if not any(left_out):
            return batch
        read = [names for index, names in enumerate(left_out) if index not in gone]
        return replace(batch, rows=_marked(table, batch.op, read), op=PER_ROW)

    def _as_made(self, batch: Batch) -> tuple[Batch, pa.Schema]:
        """The batch with the key of its event type, and the fields that this has in its table."""
        mapping = self._mappings.get(batch.event_type)
        if mapping is None:
            return batch, pa.schema([])
        fields = [column.type.with_name(column.field) for column in mapping.columns]
        return replace(batch, keys=key_fields(mapping)), pa.schema(fields)

    @property
    def identity(self) -> str:
        return self._source.identity

    @property
    def stats(self) -> SourceStats:
        return self._source.stats

    def close(self) -> None:
        self._source.close()


def _made(event: FailedEvent) -> str | None:
    """The event type of what a transformation had made; None for events as the source has them."""
    return event.event_type if event.shaped else None


def _row_ids(stream: Stream, events: Sequence[FailedEvent]) -> pa.StringArray | None:
    """The ids that rows without a key had; of those never read as a row, their first ones."""
    spec = stream.row_id
    if spec is None:
        return None
    ids = [event.row_id or row_id(event.raw.encode(), spec) for event in events]
    return pa.array(ids, pa.string())


def _without_marks(raw: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Events without the note of what a log had left out of them, and those notes."""
    texts: list[str] = []
    notes: list[list[str]] = []
    for text in raw:
        names: list[str] = []
        if f'"{metadata.LEFT_OUT}"' in text:
            event = json.loads(text)
            names = event.pop(metadata.LEFT_OUT)
            text = json.dumps(event, ensure_ascii=False)
        texts.append(text)
        notes.append(names)
    return texts, notes


def _marked(rows: pa.RecordBatch, op: str, left_out: Sequence[Sequence[str]]) -> pa.RecordBatch:
    """Rows as a log gives them, with what it left out of each."""
    names = sorted({name for some in left_out for name in some})
    masks = pa.StructArray.from_arrays(
        [pa.array([name in some for some in left_out]) for name in names], names
    )
    ops = pa.repeat(pa.scalar(op, pa.string()), rows.num_rows)
    return rows.append_column(metadata.OP, ops).append_column(metadata.LEFT_OUT, masks)


def raw_events(staging: Staging, rows: Sequence[FailedRow]) -> list[FailedEvent]:
    """The events behind rows of the index, in the order given; each file is read once."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row.file not in tables:
            with staging.open_failed(row.file) as file:
                tables[row.file] = pq.read_table(file).to_pylist()
    return [FailedEvent(**tables[row.file][row.file_row]) for row in rows]


def chosen_events(
    catalog: Catalog, pipeline: str, wanted: FailedFilter, limit: int | None = None
) -> list[FailedRow]:
    found: list[FailedRow] = catalog.failed.list(pipeline, wanted, limit=limit)
    return found
