"""One read of the log: connect, decode, connect again, and end where it is to end."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pymysql

from penstock.connectors.sources.mysql.errors import code_of
from penstock.connectors.sources.mysql.log import events as e
from penstock.connectors.sources.mysql.log.compressed import plain
from penstock.connectors.sources.mysql.log.decoder import Decoder
from penstock.connectors.sources.mysql.log.events import Events
from penstock.connectors.sources.mysql.log.joining import Joining
from penstock.connectors.sources.mysql.log.place import Place
from penstock.connectors.sources.mysql.log.position import Position
from penstock.connectors.sources.mysql.log.statements import Does, Statement, statement
from penstock.connectors.sources.mysql.log.tables import table_name
from penstock.core.batch import PER_ROW, Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import ConfigError, InternalError
from penstock.sdk.log.joins import Name
from penstock.sdk.source import ReadContext

if TYPE_CHECKING:
    from penstock.connectors.sources.mysql.log.dump import Dump
    from penstock.connectors.sources.mysql.log.reader import LogReader

_LOOK_S: Final = 0.2
_BEAT_S: Final = 1.0
"""At most this often a position without rows is told."""
_MEASURE_S: Final = 5.0
"""At most this often the server is asked how far its log goes."""
_PATIENCE_S: Final = 120.0
"""How long a server that is away is tried again before the job gives up."""
_PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
_ARTIFICIAL: Final = 0x20
_LOOKED_AT: Final = [
    e.QUERY, e.ROTATE, e.FORMAT, e.XID, e.INCIDENT, e.HEARTBEAT, e.HEARTBEAT_V2, e.GTID,
    e.TAGGED_GTID, e.XA_PREPARE, e.MARIA_GTID, e.MARIA_START_ENCRYPTION, e.ANONYMOUS_GTID,
]  # fmt: skip
_BEGINS: Final = (e.GTID, e.ANONYMOUS_GTID, e.MARIA_GTID)


class Run:
    """Batches from a position on, across connections.

    A transaction that does not end within a block gives batches without a checkpoint. When the
    connection is lost there, the server sends the transaction again from its start, so the job
    has to end and begin at the last checkpoint; anywhere else reading just goes on.
    """

    def __init__(self, log: LogReader, position: Position, context: ReadContext) -> None:
        self._log = log
        self._context = context
        self._decoder = Decoder(log.shape_of, log.choices)
        self._place = Place(position)
        self._joining = Joining(log.joins)
        self._out: frozenset[Name] = frozenset()
        self._in_transaction = False
        self._half_told = False
        self._replan = False
        self._told = position
        self._told_at = time.monotonic()
        self._end: Position | None = None
        self._behind = True
        self._measured_at = 0.0

    def batches(self) -> Iterator[Batch]:
        tries, away_since = 0, 0.0
        while not self._context.cancel.is_set():
            try:
                dump = self._connect()
                for batch in self._read(dump):
                    tries = 0
                    yield batch
                return
            except pymysql.Error as error:
                lost = isinstance(error, pymysql.InterfaceError) or code_of(error) in _AWAY
                away_since = away_since if tries else time.monotonic()
                late = time.monotonic() - away_since > _PATIENCE_S
                if not lost or self._half_told or late:
                    raise self._log.meaning(error, self._place.position) from error
            self._context.cancel.wait(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])
            tries += 1

    def _connect(self) -> Dump:
        self._decoder.forget()
        self._in_transaction = False
        dump, position = self._log.open(self._place.position)
        self._place = Place(position)
        return dump

    def _read(self, dump: Dump) -> Iterator[Batch]:
        while not self._context.cancel.is_set():
            events = dump.next(_LOOK_S)
            if events is not None:
                yield from self._block(events)
            if self._is_at_end():
                self._log.stats.lag_bytes = 0
                yield self._heartbeat()
                return
            if self._is_time_to_tell():
                yield self._heartbeat()

    def _block(self, events: Events) -> Iterator[Batch]:
        """Batches of the transactions that are whole, then of the one that goes on."""
        try:
            events = plain(events)
            if self._joining.joins.awaits and not (yield from self._come(events)):
                return
            self._out = self._joining.look(self._place)
            last: Batch | None = None
            for batch in self._pieces(events):
                if last is not None:
                    yield last
                last = batch
        except ValueError as error:
            raise InternalError(
                f"The log has bytes that we do not understand: {error}.",
                hint="Please report this with the version of the server.",
                code="source.unexpected",
            ) from error
        self._measure()
        if last is None:
            self._half_told = self._half_told and self._in_transaction
        elif last.checkpoint is None and not self._in_transaction:
            yield replace(last, checkpoint=self._tell())
        else:
            # Rows of a transaction that has not ended stand last, if there are any.
            self._half_told = last.checkpoint is None
            yield last

    def _come(self, events: Events) -> Generator[Batch, None, bool]:
        """Wait for the history of tables without a key before their changes are told; false
        when the job ends first."""
        context = self._context
        maps = np.flatnonzero(events.kinds == e.TABLE_MAP).tolist()
        tables = {table_name(events.event(at).data) for at in maps}
        while not self._joining.joins.come(tables, context.others_ended, context.cancel, _LOOK_S):
            if context.cancel.is_set():
                return False
            if self._is_time_to_tell():
                yield self._heartbeat()
        return True

    def _pieces(self, events: Events) -> Iterator[Batch]:
        """Batches without checkpoints but those at the last end before an open transaction."""
        kinds = events.kinds
        first = 0
        ended = -1
        places = np.flatnonzero(np.isin(kinds, _LOOKED_AT))
        for at, kind in zip(places.tolist(), kinds[places].tolist(), strict=True):
            if kind == e.QUERY:
                said = statement(events.event(at).data)
                if said.does in (Does.SHAPE, Does.TRUNCATE, Does.ROWS):
                    yield from self._decoded(events.part(first, at))
                    first = at + 1
                    yield from self._statement(said)
                if self._ends(said):
                    ended = at
                    self._end_transaction(events, at)
            elif kind in (e.XID, e.XA_PREPARE):
                if kind == e.XA_PREPARE:
                    self._check_xa(events.event(at).body)
                ended = at
                self._end_transaction(events, at)
            else:
                self._look(events, at, kind)
                if kind in _BEGINS and self._joining.depends:
                    out = self._joining.left_out(self._place)
                    if out != self._out:
                        yield from self._decoded(events.part(first, at))
                        first, self._out = at, out
        if self._in_transaction and ended >= first:
            # What is whole can be saved; the rest is told without a checkpoint.
            yield from self._with_checkpoint(events.part(first, ended + 1))
            first = ended + 1
        yield from self._decoded(events.part(first, events.count))

    def _with_checkpoint(self, events: Events) -> Iterator[Batch]:
        last: Batch | None = None
        for batch in self._decoded(events):
            if last is not None:
                yield last
            last = batch
        if last is not None:
            yield replace(last, checkpoint=self._tell())
        elif self._half_told:
            yield self._heartbeat()

    def _decoded(self, events: Events) -> Iterator[Batch]:
        for changes in self._decoder.feed(events):
            if changes.table.name not in self._out:
                yield self._log.rows(changes, self._context)

    def _look(self, events: Events, at: int, kind: int) -> None:
        """Events that say where we are."""
        event = events.event(at)
        if kind in _BEGINS:
            self._place.begins(event)
        if kind == e.MARIA_GTID:
            self._in_transaction = self._place.maria(event)
        elif kind == e.GTID:
            self._place.mysql(event)
        elif kind == e.ROTATE:
            self._place.file = event.body[8:].decode()
            if not event.flags & _ARTIFICIAL and not self._in_transaction:
                self._place.moved(int.from_bytes(event.body[:8], "little"))
        elif kind == e.FORMAT:
            # Numbers of tables begin anew when the server does.
            self._decoder.forget()
        elif kind in (e.HEARTBEAT, e.HEARTBEAT_V2):
            # The server is idle: everything up to here was sent.
            self._behind = False
            if not self._in_transaction and event.next_position:
                self._place.moved(event.next_position)
        elif kind == e.TAGGED_GTID:
            raise ConfigError(
                "The log has transactions with tagged ids, which are not followed yet.",
                hint="Leave gtid_next at AUTOMATIC, without a tag, and run once with "
                "--full-refresh.",
                code="source.binlog",
            )
        elif kind == e.INCIDENT:
            raise ConfigError(
                "The server says that changes are missing in its log (an incident).",
                code="OFFSET_EXPIRED",
                position=self._place.position.text,
                since=self._place.position.committed_at,
            )

    def _ends(self, said: Statement) -> bool:
        """Whether the statement ends a transaction; one outside of any is one by itself."""
        if said.does is Does.BEGIN:
            self._in_transaction = True
            return False
        return said.does is Does.END or not self._in_transaction

    def _end_transaction(self, events: Events, at: int) -> None:
        start = events.starts[at]
        self._place.ended(events.buffer[start : start + e.HEAD].tobytes())
        self._in_transaction = False

    def _statement(self, said: Statement) -> Iterator[Batch]:
        if said.does is Does.TRUNCATE and said.table is not None:
            stream = self._log.stream_of(said.table)
            if stream is not None:
                yield Batch(stream, op=PER_ROW, truncated=True)
        elif said.does is Does.SHAPE:
            for stream in filter(None, map(self._log.stream_of, said.named)):
                yield Batch(stream, op=PER_ROW, warnings=(_ANOTHER_TABLE,))
            self._decoder.forget()
            self._log.forget_columns()
            self._replan = self._replan or self._log.is_read(said.database)
        elif said.does is Does.ROWS and self._log.is_read(said.database):
            raise ConfigError(
                "The log has a statement in place of the rows that it changed: "
                f"{said.text[:60]!r}...",
                hint="Let an administrator run: SET GLOBAL binlog_format = 'ROW'; end the sessions "
                "that began before it, then run once with --full-refresh.",
                code="source.binlog",
            )

    @staticmethod
    def _check_xa(body: bytes) -> None:
        if not body[0]:
            raise ConfigError(
                "The log has a distributed transaction (XA PREPARE), of which it is not known "
                "yet whether it will be committed.",
                hint="Leave the tables that such transactions change to mode TABLE.",
                code="source.xa",
            )

    def _is_at_end(self) -> bool:
        """Without `follow`: whether everything is read that was there when the others ended."""
        if self._context.follow or not self._context.others_ended.is_set() or self._in_transaction:
            return False
        if self._end is None:
            self._end = self._log.end()
        now = self._place.position
        same_server = self._end.server == now.server
        return (same_server and now.place >= self._end.place) or (
            bool(now.gtid) and now.gtid == self._end.gtid
        )

    def _is_time_to_tell(self) -> bool:
        if self._half_told or self._in_transaction:
            return False
        waited = time.monotonic() - self._told_at
        if self._replan or waited >= self._context.batch_seconds:
            return True
        return waited >= _BEAT_S and self._place.position != self._told

    def _heartbeat(self) -> Batch:
        replan, self._replan = self._replan, False
        self._tell()
        return self._log.heartbeat(self._told, replan=replan)

    def _tell(self) -> Checkpoint:
        """The position, which everything before this has been told for."""
        self._half_told = False
        self._told, self._told_at = self._place.position, time.monotonic()
        return self._told.checkpoint()

    def _measure(self) -> None:
        """How far reading is behind, for those who look."""
        at = self._place.position.at
        self._log.stats.lag_seconds = max(time.time() - at, 0.0) if self._behind and at else 0.0
        self._behind = True
        if time.monotonic() - self._measured_at >= _MEASURE_S:
            self._measured_at = time.monotonic()
            self._log.measure(self._place.position)


_ANOTHER_TABLE: Final = (
    "Another table has this name since a RENAME: what it held before is not in the log under this "
    "name, and rows of the former one stay. `penstock verify PIPELINE --repair` reads what differs."
)
_AWAY: Final = {1053, 1927, 2003, 2006, 2013, 2014, 2055, 4031}
"""Connecting again may help."""
