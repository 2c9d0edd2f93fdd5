"""Tables of PostgreSQL, their history read by query and their changes from the log."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import pyarrow as pa

from penstock.connectors.sources.postgres.config import Config
from penstock.connectors.sources.postgres.log.checking import log_steps
from penstock.connectors.sources.postgres.log.position import Position
from penstock.connectors.sources.postgres.log.publication import Identity, Name
from penstock.connectors.sources.postgres.log.reader import Followed, LogReader
from penstock.connectors.sources.postgres.log.snapshot import Snapshot, take
from penstock.connectors.sources.postgres.server import PostgresServer
from penstock.core import metadata
from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.clock import now_ms
from penstock.core.errors import ConfigError
from penstock.core.load import WriteMode
from penstock.core.splits import LOG_SPLIT, history_is_read, stream_of
from penstock.core.stream import ReadMode, Split, Stream
from penstock.sdk.log.joins import is_complete, joined, with_snapshot
from penstock.sdk.source import NOTHING_SAVED, ReadContext, Step
from penstock.sdk.sql.reading import Reader, SqlSource, Table
from penstock.sdk.sql.reading.modes import Chosen, QueryMode
from penstock.sdk.sql.reading.offers import Member, Offer

_AGAIN: Final = "#again "
_FROM_START: Final = Checkpoint({"again": True})


class PostgresLogSource(SqlSource):
    """One slot for all tables; each table's history begins once the log's position is saved."""

    def __init__(self, server: PostgresServer, config: Config) -> None:
        super().__init__(server, config)
        self._postgres = server
        names = config.user, config.database, server.identity
        self._log = LogReader(config, config.connection(), names, config.schemas, server.stats)
        self._identities: dict[Name, Identity] = {}
        self._is_part = False
        """The job is about some of the pipeline's tables."""

    def belongs_to(self, pipeline: str, catalog: str) -> None:
        self._log.needs.belongs_to(pipeline, catalog)

    def check(self) -> Iterator[Step]:
        logged_in = False
        for step in super().check():
            logged_in = logged_in or (step.ok and step.name == "login")
            yield step
        if logged_in:
            offered = self._offered().values()
            tables = [m.table for offer in offered for m in offer.members]
            names = [(table.schema, table.name) for table in tables]
            yield from log_steps(self._log.needs, names)

    def plan(
        self, streams: Sequence[Stream], saved: Mapping[str, Checkpoint] = NOTHING_SAVED
    ) -> list[Split]:
        named = dict.fromkeys(stream.name for stream in streams)
        every = [offer for offer in self._offered().values() if self._is_selected(offer, named)]
        self._is_part = len(every) > len(named)
        published = self._published(every, saved)
        splits = {offer.stream.name: self._history(offer, saved, published) for offer in every}
        # The log waits for the history of tables without a key, so these go first.
        for offer in filter(self._is_read_once, every):
            if (split := splits[offer.stream.name]) is not None:
                splits[offer.stream.name] = replace(split, priority=-1)
        followed: dict[Name, Followed] = {}
        for offer in every:
            name = offer.stream.name
            for member in offer.members:
                key = self._key(offer.stream, member.table, member.added)
                place = member.table.schema, member.table.name
                followed[place] = Followed(
                    name, key, splits[name] is not None, self._is_appended(name, key), member.added
                )
        self._log.joins.follow(
            joined(offer.stream.name, splits[offer.stream.name], offer.names, saved)
            for offer in every
            if self._is_read_once(offer)
        )
        position = saved.get(LOG_SPLIT)
        # Nothing was read yet, or it does not count any more: then the log may begin anywhere.
        self._log.needs.may_begin_anew = not any(stream_of(split, splits) for split in saved)
        forms = self._postgres.forms
        self._log.follow(followed, Position.of(position) if position else None, forms)
        log = Split(LOG_SPLIT, tuple(stream.name for stream in streams))
        histories = [split for name in named if (split := splits[name]) is not None]
        # The log is one for all tables: reading it for some would lose the others' changes.
        return histories if self._is_part and position and histories else [log, *histories]

    def _published(
        self, every: Sequence[Offer], saved: Mapping[str, Checkpoint]
    ) -> Container[Name] | None:
        """The tables that are published; None where that tells nothing of ours.

        Another server publishes none of them. It is told of when its log is asked; histories that
        begin because of it would be read when the right one is back.
        """
        if LOG_SPLIT not in saved:
            return None
        published = self._log.needs.published()
        known = [offer for offer in every if history_is_read(offer.stream.name, saved)]
        places = ((m.table.schema, m.table.name) for offer in known for m in offer.members)
        if published is None or all(place in published for place in places):
            return published
        position = Position.of(saved[LOG_SPLIT])
        return published if self._log.needs.is_server_of(position) else None

    @staticmethod
    def _history(
        offer: Offer, saved: Mapping[str, Checkpoint], published: Container[Name] | None
    ) -> Split | None:
        """How the history of an object is read, if it is to be.

        A table that is not published was dropped and made again, or left out for a time: what
        was changed meanwhile is not in the log, so its rows are read once more.
        """
        name = offer.stream.name
        if not history_is_read(name, saved):
            return Split(name, (name,), after=LOG_SPLIT, history=True)
        begun = [split for split in saved if split.startswith(f"{name}{_AGAIN}")]
        places = [(member.table.schema, member.table.name) for member in offer.members]
        whole = published is None or all(place in published for place in places)
        if whole and not begun:
            return None
        # Its start is saved before the table is published, so that a crash does not forget it.
        again = begun[0] if begun else f"{name}{_AGAIN}{now_ms()}"
        return Split(again, (name,), after=LOG_SPLIT, history=True, start=_FROM_START)

    def _is_appended(self, name: str, key: Sequence[str]) -> bool:
        """Whether each change becomes a row of its own."""
        spec = self._pipeline
        mode = (spec.object_settings(name).load_mode or spec.load_mode) if spec else None
        return not key or mode == WriteMode.APPEND.value

    def _is_read_once(self, offer: Offer) -> bool:
        """Whether rows are appended, so that none may come with history and log both."""
        name = offer.stream.name
        return all(
            self._is_appended(name, self._key(offer.stream, m.table, m.added))
            for m in offer.members
        )

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
        self._log.prepare(context.cancel)
        # Whatever the log brings from now on is newer than any row of the history, or the same.
        began = context.clock() - 1
        checkpoint = None if checkpoint == _FROM_START else checkpoint
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
        taken: list[Snapshot] = []

        def first(cursor: Any) -> None:
            version = cursor.connection.server_version
            taken.append(take(cursor, member.table.origin, version, reader.cancel))

        for batch in reader.at_once(partial(self._postgres.read_after, first)):
            yield with_snapshot(batch, taken[0].raw()) if batch.checkpoint else batch

    def acknowledge(self, split: Split, checkpoint: Checkpoint) -> None:
        if split.name == LOG_SPLIT:
            self._log.acknowledge(Position.of(checkpoint))
        else:
            self._log.joins.delivered(split.name, checkpoint)

    def log_end(self) -> Checkpoint:
        return Position(self._log.beat(), "", "", 0).checkpoint()

    def log_passed(self, checkpoint: Checkpoint, end: Checkpoint) -> bool:
        return Position.of(checkpoint).lsn >= Position.of(end).lsn

    def forget(self) -> list[str]:
        return self._log.needs.drop()

    def close(self) -> None:
        self._log.close()
        super().close()

    def _offered(self) -> Mapping[str, Offer]:
        """Only what the log can have: no views, and no tables that write no log."""
        if self._offers is None:
            self._identities = self._log.identities()
            logged = {
                name: replace(offer, members=tuple(self._logged(offer.members)))
                for name, offer in super()._offered().items()
            }
            self._offers = {
                n: self._with_log(offer) for n, offer in logged.items() if offer.members
            }
        return self._offers

    def _logged(self, members: Iterable[Member]) -> Iterator[Member]:
        """Tables that write a log, with the columns that are in it."""
        for member in members:
            identity = self._identities.get((member.table.schema, member.table.name))
            if identity is not None:
                columns = tuple(c for c in member.table.columns if c.name not in identity.computed)
                table = replace(member.table, columns=columns)
                yield replace(member, table=table, chosen=Chosen(QueryMode.FULL_LOAD))

    def _with_log(self, offer: Offer) -> Offer:
        """The offer as it is in this mode: rows of history once, then every change."""
        members = offer.members
        keys = {self._identity_key(member.table) for member in members}
        key = offer.stream.primary_key
        if keys != {member.table.key for member in members}:
            own = next(iter(keys)) if len(keys) == 1 else ()
            key = (metadata.SCHEMA, *own) if offer.merged and own else own
        there = {column.name for member in members for column in member.table.columns}
        there |= set(members[0].added)
        stream = replace(
            offer.stream,
            schema=pa.schema([field for field in offer.stream.schema if field.name in there]),
            primary_key=key,
            cursor=None,
            mode=ReadMode.LOG,
            reports_deletes=True,
            modified_field=None,
        )
        return replace(offer, stream=stream, merged=len(members) > 1)

    def _identity_key(self, table: Table) -> tuple[str, ...]:
        """The index that names old rows in the log where there is one, else the table's key."""
        identity = self._identities[table.schema, table.name]
        return identity.columns if identity.kind == "i" and identity.columns else table.key

    def _key(self, stream: Stream, table: Table, added: Mapping[str, str]) -> tuple[str, ...]:
        """The key that the pipeline uses, which the log must have of deleted rows."""
        wanted = self._pipeline.object_settings(stream.name).primary_key if self._pipeline else None
        if wanted is None:
            return stream.primary_key
        identity = self._identities[table.schema, table.name]
        own = set(wanted) - set(added)
        if identity.names_rows and identity.kind != "f" and not own <= set(identity.columns):
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
