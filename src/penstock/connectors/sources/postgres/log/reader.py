"""The log of one pipeline: where it is read from, and what its changes become."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Final

import psycopg

from penstock.connectors.sources.postgres.log import slot as slots
from penstock.connectors.sources.postgres.log import wire
from penstock.connectors.sources.postgres.log.changes import Changes
from penstock.connectors.sources.postgres.log.convert import Field, fields_of, to_rows
from penstock.connectors.sources.postgres.log.decoder import Emptied
from penstock.connectors.sources.postgres.log.errors import said
from penstock.connectors.sources.postgres.log.fields import Relation
from penstock.connectors.sources.postgres.log.follower import Follower
from penstock.connectors.sources.postgres.log.framing import Block
from penstock.connectors.sources.postgres.log.joining import Joining
from penstock.connectors.sources.postgres.log.lookup import Asked, fill
from penstock.connectors.sources.postgres.log.lsn import lsn_text
from penstock.connectors.sources.postgres.log.needs import Needs, system_of
from penstock.connectors.sources.postgres.log.position import Position
from penstock.connectors.sources.postgres.log.publication import Identity, Name
from penstock.connectors.sources.postgres.log.run import Run
from penstock.connectors.sources.postgres.log.session import Session, check_system
from penstock.connectors.sources.postgres.log.settings import LogSettings
from penstock.connectors.sources.postgres.types import Forms, PgType
from penstock.core.batch import PER_ROW, Batch
from penstock.core.errors import PenstockError
from penstock.sdk.log.joins import Joins
from penstock.sdk.source import ReadContext, SourceStats

_STATUS_S: Final = 10.0
_WATCH_S: Final = 60.0
"""Between two looks at what the slot holds back, and at which tables there are."""


@dataclass(frozen=True)
class Followed:
    """One table of the pipeline.

    Args:
        key: fields by which its rows are known in the destination; empty without any.
        history: its rows are still being read: values that the log leaves out may not be in the
            destination yet.
        appended: its changes become rows of their own, each with all its values.
        added: fields that say where its rows come from.
    """

    stream: str
    key: tuple[str, ...]
    history: bool
    appended: bool
    added: Mapping[str, str]

    @property
    def own_key(self) -> tuple[str, ...]:
        """The part of the key that the table has itself."""
        return tuple(name for name in self.key if name not in self.added)


class LogReader:
    """The log of one pipeline: what `Source.read` of its split gives.

    In time: `follow`, then `prepare` from any thread before a table's history is read, `read`
    once or again after an error, `acknowledge`, `close`.
    """

    def __init__(
        self,
        settings: LogSettings,
        connection: Mapping[str, Any],
        names: tuple[str, str, str],
        schemas: Sequence[str],
        stats: SourceStats,
    ) -> None:
        """`connection` is for libpq; `names` are user, database, and the database for messages."""
        self._settings = settings
        self._connect = connection
        self._schemas = tuple(schemas)
        self._known: dict[Name, Identity] = {}
        self._other_tables = False
        self._stats = stats
        self._session = Session(connection, names[0])
        self.needs = Needs(settings, connection, names, self._session)
        self.joins = Joins()
        self._joining = Joining(self.joins, self._session.snapshot)
        self._mutex = threading.Lock()
        self._tables: dict[Name, Followed] = {}
        self._forms = Forms()
        self._start: Position | None = None
        self._prepared = False
        self._follower: Follower | None = None
        self._pid: int | None = None
        self._slot = ""
        self._opened_at = 0
        self._beat_at = self._watched_at = 0.0
        self._shapes: dict[int, tuple[Relation, tuple[Field, ...]]] = {}

    def identities(self) -> dict[Name, Identity]:
        """How the log names old rows, of each table that it can have."""
        found = self.needs.guarded(self._session.identities)
        self._known = self._wanted(found)
        return found

    def _wanted(self, found: Mapping[Name, Identity]) -> dict[Name, Identity]:
        """Of the schemas that are read."""
        return {
            name: identity
            for name, identity in found.items()
            if any(fnmatchcase(name[0], pattern) for pattern in self._schemas)
        }

    @property
    def has_other_tables(self) -> bool:
        """Tables came or went, or are known by other columns, since `identities` was asked."""
        return self._other_tables

    def follow(self, tables: Mapping[Name, Followed], saved: Position | None, forms: Forms) -> None:
        """The tables to read from now on, how far the log was read, and forms of all columns."""
        self._tables = dict(tables)
        self._forms = forms
        self._start = saved
        self._prepared = False

    def prepare(self, cancel: threading.Event) -> Position:
        """See that the log has these tables, and that it is kept from the position on.

        A snapshot that is taken after it holds everything that the log will not bring.
        """
        with self._mutex:
            if not self._prepared or self._start is None:
                self._start = self.needs.prepare(self._tables, self._start, cancel)
                self._prepared = True
            return self._start

    def read(self, position: Position | None, context: ReadContext) -> Iterator[Batch]:
        """Batches of the log; the first is a heartbeat that says where it begins."""
        start = self.prepare(context.cancel)
        if position is not None and position.slot == start.slot and position.lsn > start.lsn:
            start = position
        yield self.heartbeat(start)
        yield from Run(self, start, context).batches()

    def acknowledge(self, position: Position) -> None:
        if self._follower is not None:
            self._follower.acknowledge(position.lsn)

    def close(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None
        self._session.close()

    def open(self, position: Position, cancel: threading.Event) -> Position:
        """Start streaming from the position; the same with what is known of the server now."""
        self.stop()
        self._session.free_slot(position.slot, self._pid, cancel)
        self.needs.check_slot(position)
        connection = wire.connect(self._connect)
        system, timeline, end = system_of(connection)
        self.needs.warnings += check_system(position, system, timeline, end)
        ((timeout,),) = wire.ask(connection, "SHOW wal_sender_timeout")
        self._pid = connection.backend_pid
        self._slot, self._opened_at = position.slot, position.lsn
        stream = wire.start(connection, self._command(position, connection.server_version))
        self._follower = Follower(stream, position.lsn, status_s=_status_s(timeout or "0"))
        return replace(position, timeline=timeline)

    def _command(self, position: Position, version: int) -> str:
        """Protocol 1 to 4, as the server has them; large transactions come before they end."""
        protocol = 1 if version < 140_000 else 2 if version < 150_000 else 3
        protocol = 4 if version >= 160_000 else protocol
        names = ",".join('"' + name.replace('"', '""') + '"' for name in self.needs.publications)
        quoted = names.replace("'", "''")
        streaming = ", streaming 'on'" if protocol > 1 else ""
        return (
            f'START_REPLICATION SLOT "{position.slot}" LOGICAL {lsn_text(position.lsn)} '
            f"(proto_version '{protocol}', publication_names '{quoted}'{streaming})"
        )

    def stop(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None

    def next(self, timeout_s: float) -> Block | None:
        assert self._follower is not None
        return self._follower.next(timeout_s)

    def key_of(self, relation: Relation) -> Sequence[int] | None:
        """For the decoder: where the key's columns are."""
        followed = self._tables.get((relation.schema, relation.name))
        if followed is None:
            return None
        names = [column.name for column in relation.columns]
        if not all(name in names for name in followed.own_key):
            return ()
        return tuple(names.index(name) for name in followed.own_key)

    def is_appended(self, relation: Relation) -> bool:
        """For the decoder: whether changes may have to be left out by their transactions."""
        followed = self._tables.get((relation.schema, relation.name))
        return followed is not None and followed.appended

    def rows(self, piece: Changes | Emptied, after: int, context: ReadContext) -> Iterator[Batch]:
        """Batches of one piece of the log, which was committed after a place, without a
        checkpoint."""
        if isinstance(piece, Emptied):
            for relation in piece.relations:
                followed = self._tables[relation.schema, relation.name]
                yield Batch(followed.stream, op=PER_ROW, truncated=True)
            return
        followed = self._tables[piece.relation.schema, piece.relation.name]
        if followed.appended:
            new = self._joining.new(piece, after, context.cancel)
            if new is None:
                return
            piece = new
        fields = self._fields(piece.relation)
        if any(mask is not None for mask in piece.left_out):
            piece = self._completed(piece, followed, fields)
        rows, failed = to_rows(piece, fields, followed.stream, followed.own_key, followed.added)
        yield Batch(
            followed.stream, rows, failed=failed, op=PER_ROW, bytes_read=rows.nbytes,
            ingested_at=context.clock(),
        )  # fmt: skip

    def beat(self) -> int:
        """A message in the log: everything that was committed before lies before it."""
        return self.needs.guarded(self._session.beat)

    def passes_barrier(self, lsn: int) -> bool:
        """Whether the connection has to be made anew here, since the publication was changed.

        Servers before the releases of May 2025 keep thinking that a table is not published when
        they decode a transaction that was open while it was added.
        """
        if not self._opened_at < self.needs.barrier <= lsn:
            return False
        self.needs.barrier = 0
        return True

    def watch(self, follow: bool) -> None:
        """Look now and then at what the slot holds back and at the tables; write to an idle log."""
        now = time.monotonic()
        if follow and now - self._beat_at >= self._settings.heartbeat_s:
            self._beat_at = now
            self._session.beat()
            self._other_tables |= self._wanted(self._session.identities()) != self._known
        if now - self._watched_at >= _WATCH_S:
            self._watched_at = now
            found = self._session.slot(self._slot)
            if found is not None:
                end, most = self._session.end(), self._settings.slot_warn_bytes
                self.needs.warnings += slots.warnings(found, end, most)

    def lag(self, position: Position, wal_end: int, now_us: int) -> None:
        """Keep how far reading is behind, for those who look."""
        behind = max(wal_end - position.lsn, 0)
        self._stats.lag_bytes = behind
        self._stats.lag_seconds = (
            max(now_us - position.at_us, 0) / 1e6 if behind and position.at_us else 0.0
        )

    def heartbeat(self, position: Position) -> Batch:
        """A batch that moves the position alone, with the warnings that were not given yet."""
        told, self.needs.warnings = tuple(self.needs.warnings), []
        stream = next((item.stream for item in self._tables.values()), "") if told else ""
        return Batch(stream, checkpoint=position.checkpoint(), op=PER_ROW, warnings=told)

    def meaning(self, error: Exception, position: Position) -> PenstockError:
        """What an error of the stream is for the user."""
        if isinstance(
            error, psycopg.errors.ObjectNotInPrerequisiteState | psycopg.errors.UndefinedObject
        ):
            self.needs.guarded(lambda: self.needs.check_slot(position))
            if "publication" in said(error):
                # It is looked up as it was at each change: one that is made anew is not there.
                end = self.needs.guarded(self._session.end)
                return slots.expired(
                    position.slot, position, end, f"{said(error)} where reading has to go on"
                )
        return self.needs.meaning(error)

    def _fields(self, relation: Relation) -> tuple[Field, ...]:
        known = self._shapes.get(relation.oid)
        if known is None or known[0] is not relation:
            known = relation, fields_of(relation, self._type_of)
            self._shapes[relation.oid] = known
        return known[1]

    def _type_of(self, oid: int, modifier: int) -> tuple[PgType, str]:
        return self._session.type_of(oid, modifier, self._forms)

    def _completed(self, changes: Changes, followed: Followed, fields: Sequence[Field]) -> Changes:
        relation = changes.relation
        # Without a key of the destination's, rows are asked for by what the log knows them by.
        key = followed.own_key or tuple(c.name for c in relation.columns if c.in_identity)
        types = {field.column.name: field.column.native for field in fields}
        asked = Asked(relation.schema, relation.name, key, tuple(types[name] for name in key))
        everything = followed.history or followed.appended
        return self._session.run(
            lambda connection: fill(connection, changes, asked, everything=everything)
        )


def _status_s(timeout: str) -> float:
    """A third of the time after which the server gives us up."""
    units = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
    digits = timeout.rstrip("abcdefghijklmnopqrstuvwxyz")
    seconds = float(digits or 0) * units.get(timeout[len(digits) :], 0.001)
    return min(_STATUS_S, seconds / 3) if seconds > 0 else _STATUS_S
