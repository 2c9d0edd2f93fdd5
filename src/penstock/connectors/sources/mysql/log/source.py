"""Tables of MySQL and MariaDB, their history read by query and their changes from the log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from penstock.connectors.sources.mysql.config import Config
from penstock.connectors.sources.mysql.log.position import Position
from penstock.connectors.sources.mysql.log.reader import Followed, LogReader
from penstock.connectors.sources.mysql.server import MySqlServer
from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import PenstockError
from penstock.core.stream import LOG_SPLIT, ReadMode, Split, Stream, history_is_read
from penstock.sdk.source import NOTHING_SAVED, ReadContext, Step
from penstock.sdk.sql.check import failed_step
from penstock.sdk.sql.reading import SqlSource, Table
from penstock.sdk.sql.reading.modes import Chosen, QueryMode
from penstock.sdk.sql.reading.source import Reading


class MySqlLogSource(SqlSource):
    """One log for all tables; each table's history begins once the log's position is saved."""

    def __init__(self, server: MySqlServer, config: Config) -> None:
        super().__init__(server, config)
        self._log = LogReader(
            config, server.sessions, server.identity, server.definitions, server.stats
        )

    def check(self) -> Iterator[Step]:
        good = True
        for step in super().check():
            good = good and step.ok
            yield step
        tests = (("log settings", self._log.check_server), ("log rights", self._log.check_rights))
        for name, test in tests if good else ():
            began = time.monotonic()
            try:
                detail = test()
            except PenstockError as error:
                yield failed_step(name, error, began)
                return
            yield Step(name, True, detail, time.monotonic() - began)

    def plan(
        self, streams: Sequence[Stream], saved: Mapping[str, Checkpoint] = NOTHING_SAVED
    ) -> list[Split]:
        offered = self._offered()
        followed = {}
        for stream in streams:
            table = offered[stream.name].table
            followed[table.schema, table.name] = Followed(stream.name, self._key(stream))
        self._log.follow(followed)
        log = Split(LOG_SPLIT, tuple(stream.name for stream in streams))
        histories = [
            Split(stream.name, (stream.name,), after=LOG_SPLIT, history=True)
            for stream in streams
            if not history_is_read(stream.name, saved)
        ]
        return [log, *histories]

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        if split.name == LOG_SPLIT and not context.limit:
            known = None if checkpoint is None or context.restart else Position.of(checkpoint)
            yield from self._log.read(known, context)
            return
        if context.limit:
            yield from super().read(split, checkpoint, context)
            return
        # Whatever the log brings from now on is newer than any row of the history, or the same.
        began = context.clock() - 1
        for batch in super().read(split, checkpoint, context):
            yield replace(batch, ingested_at=began)

    def close(self) -> None:
        self._log.close()
        super().close()

    def _offered(self) -> dict[str, Reading]:
        """Only what the log can have: no views."""
        every = super()._offered()
        self._readings = {
            name: reading for name, reading in every.items() if reading.table.kind == "table"
        }
        return self._readings

    def _reading(self, name: str, table: Table) -> Reading:
        reading = super()._reading(name, table)
        stream = replace(
            reading.stream,
            primary_key=table.key,
            cursor=None,
            mode=ReadMode.LOG,
            reports_deletes=True,
            modified_field=None,
        )
        return Reading(table, Chosen(QueryMode.FULL_LOAD), stream)

    def _key(self, stream: Stream) -> tuple[str, ...]:
        """The key that the pipeline uses; whole rows have every column."""
        wanted = self._pipeline.object_settings(stream.name).primary_key if self._pipeline else None
        return stream.primary_key if wanted is None else tuple(wanted)
