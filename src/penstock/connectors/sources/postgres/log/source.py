"""Tables of PostgreSQL, their history read by query and their changes from the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from penstock.connectors.sources.postgres.config import Config
from penstock.connectors.sources.postgres.log.checking import log_steps
from penstock.connectors.sources.postgres.log.position import Position
from penstock.connectors.sources.postgres.log.publication import Identity, Name
from penstock.connectors.sources.postgres.log.reader import Followed, LogReader
from penstock.connectors.sources.postgres.server import PostgresServer
from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import ConfigError
from penstock.core.stream import LOG_SPLIT, ReadMode, Split, Stream, history_is_read
from penstock.sdk.source import NOTHING_SAVED, ReadContext, Step
from penstock.sdk.sql.reading import SqlSource, Table
from penstock.sdk.sql.reading.modes import Chosen, QueryMode
from penstock.sdk.sql.reading.source import Reading


class PostgresLogSource(SqlSource):
    """One slot for all tables; each table's history begins once the log's position is saved."""

    def __init__(self, server: PostgresServer, config: Config) -> None:
        super().__init__(server, config)
        names = config.user, config.database, server.identity
        self._log = LogReader(config, config.connection(), names, server.stats)
        self._identities: dict[Name, Identity] = {}

    def belongs_to(self, pipeline: str, catalog: str) -> None:
        self._log.belongs_to(pipeline, catalog)

    def check(self) -> Iterator[Step]:
        good = True
        for step in super().check():
            good = good and step.ok
            yield step
        if good:
            yield from log_steps(self._log)

    def plan(
        self, streams: Sequence[Stream], saved: Mapping[str, Checkpoint] = NOTHING_SAVED
    ) -> list[Split]:
        offered = self._offered()
        followed = {}
        for stream in streams:
            table = offered[stream.name].table
            history = not history_is_read(stream.name, saved)
            followed[table.schema, table.name] = Followed(stream.name, self._key(stream), history)
        position = saved.get(LOG_SPLIT)
        self._log.follow(followed, Position.of(position) if position else None)
        log = Split(LOG_SPLIT, tuple(stream.name for stream in streams))
        histories = [
            Split(item.stream, (item.stream,), after=LOG_SPLIT, history=True)
            for item in followed.values()
            if item.history
        ]
        return [log, *histories]

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        if split.name == LOG_SPLIT and not context.limit:
            yield from self._log.read(Position.of(checkpoint) if checkpoint else None, context)
            return
        if context.limit:
            yield from super().read(split, checkpoint, context)
            return
        self._log.prepare(context.cancel)
        # Whatever the log brings from now on is newer than any row of the history, or the same.
        began = context.clock() - 1
        for batch in super().read(split, checkpoint, context):
            yield replace(batch, ingested_at=began)

    def acknowledge(self, split: Split, checkpoint: Checkpoint) -> None:
        if split.name == LOG_SPLIT:
            self._log.acknowledge(Position.of(checkpoint))

    def forget(self) -> list[str]:
        return self._log.drop()

    def close(self) -> None:
        self._log.close()
        super().close()

    def _offered(self) -> dict[str, Reading]:
        """Only what the log can have: no views, and no tables that write no log."""
        if self._readings is None:
            self._identities = self._log.identities()
            every = super()._offered()
            self._readings = {
                name: reading
                for name, reading in every.items()
                if (reading.table.schema, reading.table.name) in self._identities
            }
        return self._readings

    def _reading(self, name: str, table: Table) -> Reading:
        reading = super()._reading(name, table)
        identity = self._identities.get((table.schema, table.name))
        by_index = identity is not None and identity.kind == "i" and identity.columns
        stream = replace(
            reading.stream,
            primary_key=identity.columns if identity and by_index else table.key,
            cursor=None,
            mode=ReadMode.LOG,
            reports_deletes=True,
            modified_field=None,
        )
        return Reading(table, Chosen(QueryMode.FULL_LOAD), stream)

    def _key(self, stream: Stream) -> tuple[str, ...]:
        """The key that the pipeline uses, which the log must have of deleted rows."""
        wanted = self._pipeline.object_settings(stream.name).primary_key if self._pipeline else None
        if wanted is None:
            return stream.primary_key
        table = self._offered()[stream.name].table
        identity = self._identities[table.schema, table.name]
        if (
            identity.names_rows
            and identity.kind != "f"
            and not set(wanted) <= set(identity.columns)
        ):
            name = f'"{table.schema}"."{table.name}"'
            raise ConfigError(
                f"The log names deleted rows of {stream.name} by {', '.join(identity.columns)}, "
                f"not by the key that is set, {', '.join(wanted)}.",
                hint=f"Let its owner run: ALTER TABLE {name} REPLICA IDENTITY FULL; or leave "
                "primary_key out.",
                code="source.key_not_in_log",
                object=stream.name,
            )
        return tuple(wanted)
