"""Tables, views and queries of a database as a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.spec import PipelineSpec
from penstock.core.stream import Split, Stream
from penstock.sdk.source import ReadContext, Source, SourceStats, Step
from penstock.sdk.sql.reading.offers import Offer, offers
from penstock.sdk.sql.reading.reader import Reader
from penstock.sdk.sql.reading.server import Server
from penstock.sdk.sql.reading.settings import ReadingSettings


class SqlSource(Source):
    """Reads what a `Server` offers, by the query modes of pipelines.md 2.5."""

    columnar = True

    def __init__(self, server: Server, settings: ReadingSettings) -> None:
        self._server = server
        self._settings = settings
        self._pipeline: PipelineSpec | None = None
        self._offers: Mapping[str, Offer] | None = None

    def configure(self, pipeline: PipelineSpec) -> None:
        self._pipeline = pipeline
        self._offers = None

    def check(self) -> Iterator[Step]:
        yield from self._server.check()

    def discover(self) -> list[Stream]:
        return [offer.stream for offer in self._offered().values()]

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        offer = self._offered()[split.streams[0]]
        readers = {
            member.label: Reader(self._server, self._settings, split.streams[0], member, context)
            for member in offer.members
        }
        if context.limit:
            yield from next(iter(readers.values())).some(context.limit)
        elif offer.merged:
            yield from _merged(readers, checkpoint)
        else:
            yield from next(iter(readers.values())).batches(checkpoint)

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
            )
        return self._offers


def _merged(readers: Mapping[str, Reader], checkpoint: Checkpoint | None) -> Iterator[Batch]:
    """Tables of one object, one after the other, each with a position of its own in one."""
    saved: dict[str, Any] = dict(checkpoint.position) if checkpoint else {}
    for label, reader in readers.items():
        own = Checkpoint(saved[label]) if label in saved else None
        for batch in reader.batches(own):
            if batch.checkpoint is None:
                yield batch
                continue
            saved = {**saved, label: dict(batch.checkpoint.position)}
            shown = {"table": label, **batch.checkpoint.shown}
            yield replace(batch, checkpoint=Checkpoint(saved, shown))
