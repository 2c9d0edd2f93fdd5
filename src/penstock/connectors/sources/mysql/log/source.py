"""Tables of MySQL and MariaDB, their history read by query and their changes from the log."""

from __future__ import annotations

import time
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from penstock.connectors.sources.mysql.config import Config
from penstock.connectors.sources.mysql.log.moment import Moments
from penstock.connectors.sources.mysql.log.position import Position
from penstock.connectors.sources.mysql.log.reader import Followed, LogReader
from penstock.connectors.sources.mysql.server import MySqlServer
from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import ConfigError, PenstockError
from penstock.core.load import WriteMode
from penstock.core.splits import LOG_SPLIT, history_is_read
from penstock.core.stream import ReadMode, Split, Stream
from penstock.sdk.log.joins import is_complete, joined, with_snapshot
from penstock.sdk.source import NOTHING_SAVED, ReadContext, Step
from penstock.sdk.sql.check import failed_step
from penstock.sdk.sql.reading import Reader, SqlSource
from penstock.sdk.sql.reading.modes import Chosen, QueryMode
from penstock.sdk.sql.reading.offers import Member, Offer


class MySqlLogSource(SqlSource):
    """One log for all tables; each table's history begins once the log's position is saved."""

    def __init__(self, server: MySqlServer, config: Config) -> None:
        super().__init__(server, config)
        self._mysql = server
        self._log = LogReader(
            config, server.sessions, server.identity, server.definitions, server.stats
        )
        self._config = config
        self._moments = Moments(server.sessions, config.user)
        self._reached: Position | None = None
        """How far the log was read when the job began."""
        self._is_part = False
        """The job is about some of the pipeline's tables."""

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
        named = {stream.name for stream in streams}
        every = [offer for offer in self._offered().values() if self._is_selected(offer, named)]
        self._is_part = len(every) > len(named)
        tables = {
            (member.table.schema, member.table.name): Followed(
                offer.stream.name, self._key(offer.stream), member.added
            )
            for offer in every
            for member in offer.members
        }
        # When nothing of any table counts, neither does the place in the log.
        self._log.follow(tables, anew=not any(split != LOG_SPLIT for split in saved))
        log = Split(LOG_SPLIT, tuple(stream.name for stream in streams))
        splits = {
            name: self._history(offer)
            for offer in every
            if not history_is_read(name := offer.stream.name, saved)
        }
        self._log.joins.follow(
            joined(offer.stream.name, splits.get(offer.stream.name), offer.names, saved)
            for offer in every
            if self._is_read_once(offer)
        )
        self._reached = Position.of(saved[LOG_SPLIT]) if LOG_SPLIT in saved else None
        histories = [splits[stream.name] for stream in streams if stream.name in splits]
        # The log is one for all tables: reading it for some would lose the others' changes.
        known = LOG_SPLIT in saved
        return histories if self._is_part and known and histories else [log, *histories]

    def _history(self, offer: Offer) -> Split:
        """The log waits for the history of tables whose rows are appended, so these go first."""
        name, first = offer.stream.name, -1 if self._is_read_once(offer) else 0
        return Split(name, (name,), first, after=LOG_SPLIT, history=True)

    def _is_read_once(self, offer: Offer) -> bool:
        """Whether rows are appended, so that none may come with history and log both."""
        spec, name = self._pipeline, offer.stream.name
        mode = (spec.object_settings(name).load_mode or spec.load_mode) if spec else None
        return not self._key(offer.stream) or mode == WriteMode.APPEND.value

    def _is_selected(self, offer: Offer, named: Container[str]) -> bool:
        """Named for this job, or one of the pipeline's."""
        if offer.stream.name in named:
            return True
        return self._pipeline is not None and self._pipeline.objects.takes(offer.stream.name)

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        if split.name == LOG_SPLIT and not context.limit:
            if self._is_part:
                raise ConfigError(
                    "One log carries the changes of all tables: it cannot be read for some alone.",
                    hint="Run without --object. Once the pipeline has run, --object with "
                    "--full-refresh reads single tables whole again.",
                    code="source.log_is_for_all",
                )
            yield from self._log.read(Position.of(checkpoint) if checkpoint else None, context)
            return
        if context.limit:
            yield from super().read(split, checkpoint, context)
            return
        # Whatever the log brings from now on is newer than any row of the history, or the same.
        began = context.clock() - 1
        for batch in super().read(split, checkpoint, context):
            yield replace(batch, ingested_at=began)

    def _batches(
        self, offer: Offer, reader: Reader, member: Member, checkpoint: Checkpoint | None
    ) -> Iterator[Batch]:
        if is_complete(checkpoint):
            return
        if not self._is_read_once(offer):
            yield from reader.batches(checkpoint)
            return
        taken: list[Position | None] = []
        table = member.table.origin

        def begin(connection: Any) -> None:
            taken.append(self._moments.begin(connection, table, self._reached, reader.cancel))

        for batch in reader.at_once(partial(self._mysql.read_after, begin)):
            if batch.checkpoint is None:
                yield batch
            elif taken[0] is None:
                yield replace(batch, warnings=(*batch.warnings, self._may_double(member)))
            else:
                yield with_snapshot(batch, asdict(taken[0]))

    def _may_double(self, member: Member) -> str:
        name = f"`{member.table.schema}`.`{member.table.name}`"
        return (
            f"Rows of {name} are appended, and this server does not tell which of its changes the "
            "rows that were read have already: rows that were written meanwhile may be there "
            "twice. Exact, from the next full read on, with: GRANT LOCK TABLES ON "
            f"`{member.table.schema}`.* TO '{self._config.user}'@'...';"
        )

    def acknowledge(self, split: Split, checkpoint: Checkpoint) -> None:
        if split.name != LOG_SPLIT:
            self._log.joins.delivered(split.name, checkpoint)

    def log_end(self) -> Checkpoint:
        return self._log.end().checkpoint()

    def log_passed(self, checkpoint: Checkpoint, end: Checkpoint) -> bool:
        return Position.of(checkpoint).place >= Position.of(end).place

    def close(self) -> None:
        self._log.close()
        super().close()

    def _offered(self) -> Mapping[str, Offer]:
        """Only what the log can have."""
        if self._offers is None:
            every = {
                name: replace(offer, members=tuple(filter(self._is_logged, offer.members)))
                for name, offer in super()._offered().items()
            }
            self._offers = {n: _with_log(offer) for n, offer in every.items() if offer.members}
        return self._offers

    def _is_logged(self, member: Member) -> bool:
        return (member.table.schema, member.table.name) not in self._mysql.unlogged

    def _key(self, stream: Stream) -> tuple[str, ...]:
        """The key that the pipeline uses; whole rows have every column."""
        wanted = self._pipeline.object_settings(stream.name).primary_key if self._pipeline else None
        return stream.primary_key if wanted is None else tuple(wanted)


def _with_log(offer: Offer) -> Offer:
    """The offer as it is in this mode: rows of history once, then every change."""
    members = tuple(replace(member, chosen=Chosen(QueryMode.FULL_LOAD)) for member in offer.members)
    stream = replace(
        offer.stream, cursor=None, mode=ReadMode.LOG, reports_deletes=True, modified_field=None
    )
    return replace(offer, stream=stream, members=members)
