"""Tables, views and queries of a database as a source."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.digest import Digest, DigestPlan, Part
from penstock.core.spec import PipelineSpec
from penstock.core.stream import Split, Stream
from penstock.sdk.source import ReadContext, Source, SourceStats, Step
from penstock.sdk.sql.reading.again import beyond, digested, with_keys, within
from penstock.sdk.sql.reading.modes import Chosen, QueryMode
from penstock.sdk.sql.reading.offers import Member, Offer, offers
from penstock.sdk.sql.reading.position import Position
from penstock.sdk.sql.reading.reader import Reader
from penstock.sdk.sql.reading.server import Server
from penstock.sdk.sql.reading.settings import ReadingSettings


class SqlSource(Source):
    """Reads what a `Server` offers, by the query modes of pipelines.md 2.5."""

    columnar = True
    whole_schema = True

    def __init__(self, server: Server, settings: ReadingSettings) -> None:
        self._server = server
        self._settings = settings
        self._pipeline: PipelineSpec | None = None
        self._offers: Mapping[str, Offer] | None = None

    def configure(self, pipeline: PipelineSpec) -> None:
        self._pipeline = pipeline
        self._offers = None

    def stop_with(self, cancel: threading.Event) -> None:
        self._server.cancel = cancel

    def check(self) -> Iterator[Step]:
        yield from self._server.check()

    def discover(self) -> list[Stream]:
        return [offer.stream for offer in self._offered().values()]

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        offer = self._offered()[split.streams[0]]
        readers = [
            Reader(self._server, self._settings, split.streams[0], member, context)
            for member in offer.members
        ]
        if context.limit:
            yield from readers[0].some(context.limit)
        elif offer.merged:
            yield from self._merged(offer, readers, checkpoint)
        else:
            yield from self._batches(offer, readers[0], offer.members[0], checkpoint)

    def _batches(
        self,
        offer: Offer,  # noqa: ARG002 (for those that look at the whole object)
        reader: Reader,
        member: Member,  # noqa: ARG002
        checkpoint: Checkpoint | None,
    ) -> Iterator[Batch]:
        """One table of an object, from a position of its own."""
        return reader.batches(checkpoint)

    def _merged(
        self, offer: Offer, readers: Sequence[Reader], checkpoint: Checkpoint | None
    ) -> Iterator[Batch]:
        """Tables of one object, one after the other, each with a position of its own in one."""
        saved: dict[str, Any] = dict(checkpoint.position) if checkpoint else {}
        for member, reader in zip(offer.members, readers, strict=True):
            label = member.label
            own = Checkpoint(saved[label]) if label in saved else None
            for batch in self._batches(offer, reader, member, own):
                if batch.checkpoint is None:
                    yield batch
                    continue
                saved = {**saved, label: dict(batch.checkpoint.position)}
                shown = {"table": label, **batch.checkpoint.shown}
                yield replace(batch, checkpoint=Checkpoint(saved, shown))

    def current(self, stream: Stream, context: ReadContext, part: Part = ()) -> Iterator[Batch]:
        for member in self._offered()[stream.name].members:
            whole = replace(member, chosen=Chosen(QueryMode.FULL_LOAD))
            reader = Reader(self._server, self._settings, stream.name, whole, context)
            where = within(self._server.words, member.table, stream.primary_key, part)
            yield from reader.where(where) if where else reader.batches(None)

    def rows_of(
        self, stream: Stream, keys: pa.RecordBatch, context: ReadContext
    ) -> Iterator[Batch] | None:
        return self._rows_of(stream, keys, context)

    def _rows_of(
        self, stream: Stream, keys: pa.RecordBatch, context: ReadContext
    ) -> Iterator[Batch]:
        for member in self._offered()[stream.name].members:
            whole = replace(member, chosen=Chosen(QueryMode.FULL_LOAD))
            reader = Reader(self._server, self._settings, stream.name, whole, context)
            for condition in with_keys(self._server.words, member.table, keys):
                yield from reader.where((condition,))

    def key_span(self, stream: Stream, field: str) -> tuple[int, int] | None:
        members = self._offered()[stream.name].members
        if len(members) != 1 or members[0].table.column(field) is None:
            return None
        name, origin = self._server.words.ident(field), members[0].table.origin
        low = self._server.scalar(f"SELECT min({name}) FROM {origin}")
        high = self._server.scalar(f"SELECT max({name}) FROM {origin}")
        return (int(low), int(high)) if low is not None and high is not None else None

    def digest(self, stream: Stream, plan: DigestPlan, cancel: threading.Event) -> Digest | None:
        members = self._offered()[stream.name].members
        if len(members) != 1:
            return None
        return digested(self._server, members[0].table, plan, cancel)

    def unread(
        self, stream: Stream, checkpoint: Checkpoint, rows: pa.RecordBatch
    ) -> pa.Array | None:
        offer = self._offered()[stream.name]
        if offer.merged or not offer.members[0].chosen.cursor:
            return None
        return beyond(Position.of(checkpoint), offer.members[0].chosen, rows)

    def is_whole(self, stream: Stream, checkpoint: Checkpoint) -> bool:
        offer = self._offered()[stream.name]
        if not offer.merged:
            return Position.of(checkpoint).complete
        saved = checkpoint.position
        labels = [member.label for member in offer.members]
        return all(
            label in saved and Position.of(Checkpoint(saved[label])).complete for label in labels
        )

    def estimate(self, stream: Stream) -> int | None:
        return stream.estimated_rows

    @property
    def includes_new(self) -> bool:
        return self._settings.mode == "LOG_BASED"

    @property
    def identity(self) -> str:
        return self._server.identity

    @property
    def stats(self) -> SourceStats:
        return self._server.stats

    def close(self) -> None:
        self._server.close()

    def _offered(self) -> Mapping[str, Offer]:
        """Objects by name; asked of the server once."""
        if self._offers is None:
            settings = self._settings
            if settings.query is not None:
                tables = [self._server.query_table(settings.query_name, settings.query)]
            else:
                tables = self._server.catalogue()
            self._offers = offers(
                tables,
                self._pipeline.settings if self._pipeline else {},
                merge=settings.merge_tables,
                xmin=settings.mode == "XMIN",
                allow_xmin=settings.allows_xmin,
                origin=self._server.origin,
            )
        return self._offers
