"""The log of one pipeline: where it is read from, and what its changes become."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
import pymysql

from penstock.connectors.sources.mysql.config import Config
from penstock.connectors.sources.mysql.errors import code_of, translate
from penstock.connectors.sources.mysql.log.decoder import Changes, Shape
from penstock.connectors.sources.mysql.log.dump import Dump, free_server_id
from penstock.connectors.sources.mysql.log.gtid import MySqlGtids
from penstock.connectors.sources.mysql.log.master import Master, no_right
from penstock.connectors.sources.mysql.log.position import Position
from penstock.connectors.sources.mysql.log.run import Run
from penstock.connectors.sources.mysql.log.shape import aligned
from penstock.connectors.sources.mysql.log.tables import TableMap
from penstock.connectors.sources.mysql.sessions import Sessions
from penstock.connectors.sources.mysql.types import Definition
from penstock.core.batch import PER_ROW, Batch, FailedEvent
from penstock.core.errors import ConfigError, PenstockError
from penstock.sdk.log.joins import Joins
from penstock.sdk.log.rows import change_rows, ops_column
from penstock.sdk.source import ReadContext, SourceStats

T = TypeVar("T")
Name = tuple[str, str]
_PURGED: Final = 1236
_NO_RIGHT: Final = (1045, 1227)
_THREE_DAYS_S: Final = 3 * 86_400


@dataclass(frozen=True)
class Followed:
    """One table of the pipeline.

    Args:
        key: fields by which its rows are known in the destination; empty without any.
        added: fields that say where its rows come from.
    """

    stream: str
    key: tuple[str, ...]
    added: Mapping[str, str]

    @property
    def own_key(self) -> tuple[str, ...]:
        """The part of the key that the table has."""
        return tuple(name for name in self.key if name not in self.added)


class LogReader:
    """What `Source.read` of the log's split gives.

    In time: `follow`, `read` once or again after an error, `close`.

    Args:
        catalogue: columns of all tables, asked anew whenever the log says that they changed.
    """

    def __init__(
        self,
        config: Config,
        sessions: Sessions,
        identity: str,
        catalogue: Callable[[], Mapping[Name, list[Definition]]],
        stats: SourceStats,
    ) -> None:
        self._config = config
        self._sessions = sessions
        self._identity = identity
        self._catalogue = catalogue
        self.stats = stats
        self.choices = config.choices
        self.joins = Joins()
        self._tables: dict[Name, Followed] = {}
        self._anew = False
        self._columns: Mapping[Name, list[Definition]] | None = None
        self._dump: Dump | None = None
        self._server_id = config.server_id or free_server_id()
        self._warnings: list[str] = []
        self._warned: set[tuple[str, str]] = set()

    def follow(self, tables: Mapping[Name, Followed], *, anew: bool) -> None:
        """The tables to read from now on.

        Args:
            anew: all of them are read whole, so that reading begins at the end of the log.
        """
        self._tables = dict(tables)
        self._anew = anew

    def read(self, position: Position | None, context: ReadContext) -> Iterator[Batch]:
        """Batches of the log; the first is a heartbeat that says where it begins."""
        start = self.guarded(lambda: self._start(position))
        yield self.heartbeat(start)
        yield from Run(self, start, context).batches()

    def check_server(self) -> str:
        return self.guarded(lambda: self._with_master(lambda master: master.check()))

    def check_rights(self) -> str:
        """Ask where the log ends, and for the log itself, as a run does."""

        def test(master: Master) -> str:
            end = master.end()
            dump = Dump(self._sessions.connect(), self._server_id)
            try:
                dump.start(end, by_gtid=self._by_gtid(end))
                dump.next(2.0)
            finally:
                dump.close()
            return f"the log can be read; it ends at {end.file}, {end.offset}"

        return self.guarded(lambda: self._with_master(test))

    def open(self, position: Position) -> tuple[Dump, Position]:
        """Begin to receive what comes after the position.

        Returns:
            Also the position as this server counts it.

        Raises:
            pymysql.Error: the server is away.
            ConfigError: the log does not reach back so far.
        """
        self.close()
        position = self._with_master(lambda master: self._checked(master, position))
        self._dump = Dump(self._sessions.connect(), self._server_id)
        self._dump.start(position, by_gtid=self._by_gtid(position))
        return self._dump, position

    def close(self) -> None:
        if self._dump is None:
            return
        dump, self._dump = self._dump, None
        dump.close()
        with suppress(PenstockError):
            # Where the server is away, its session is too.
            self._with_master(lambda master: master.end_session(dump.session_id))

    def end(self) -> Position:
        return self.guarded(lambda: self._with_master(lambda master: master.end()))

    def measure(self, position: Position) -> None:
        """Keep how many bytes reading is behind, for those who look."""
        with suppress(PenstockError, pymysql.Error):
            # Where the server is away, reading itself notices.
            self.stats.lag_bytes = self._with_master(
                lambda master: master.behind(position.file, position.offset)
            )

    def shape_of(self, table: TableMap) -> Shape | None:
        """For the decoder."""
        followed = self._tables.get(table.name)
        if followed is None:
            return None
        if self._columns is None:
            self._columns = self._catalogue()
        columns = self._columns.get(table.name)
        if columns is None:
            # It was dropped since: its rows are of no use to anybody.
            return None
        found = aligned(table, columns)
        names = [item.name if item is not None else None for item in found]
        key = followed.own_key
        whole = all(name in names for name in key)
        return Shape(found, tuple(names.index(name) for name in key) if whole else ())

    def forget_columns(self) -> None:
        self._columns = None

    def is_read(self, database: str) -> bool:
        """Whether any table of the database is read."""
        return any(name[0] == database for name in self._tables)

    def stream_of(self, name: Name) -> str | None:
        followed = self._tables.get(name)
        return followed.stream if followed else None

    def rows(self, changes: Changes, context: ReadContext) -> Batch:
        """One piece of the log as a batch without a checkpoint."""
        followed = self._tables[changes.table.name]
        columns = changes.columns
        arrays = [item.array for item in columns.values()]
        arrays += [pa.repeat(pa.scalar(value), changes.count) for value in followed.added.values()]
        names = [*columns, *followed.added]
        rows = change_rows(names, arrays, ops_column(changes.ops.tobytes()), {})
        for name, item in columns.items():
            if item.zero_dates and (followed.stream, name) not in self._warned:
                self._warned.add((followed.stream, name))
                self._warnings.append(f"Zero dates in {name} were read as null.")
        wrong: dict[int, str] = {}
        for item in columns.values():
            wrong = {**item.wrong, **wrong}
        failed: tuple[FailedEvent, ...] = ()
        if wrong:
            failed = tuple(_failed(rows, at, wrong[at], followed, changes) for at in sorted(wrong))
            keep = np.ones(changes.count, np.bool_)
            keep[list(wrong)] = False
            rows = rows.filter(pa.array(keep))
        told, self._warnings = tuple(self._warnings), []
        return Batch(
            followed.stream, rows, failed=failed, op=PER_ROW, bytes_read=rows.nbytes,
            ingested_at=context.clock(), warnings=told,
        )  # fmt: skip

    def heartbeat(self, position: Position, *, replan: bool = False) -> Batch:
        """A batch that moves the position alone, with the warnings that were not given yet."""
        told, self._warnings = tuple(self._warnings), []
        stream = next((item.stream for item in self._tables.values()), "") if told else ""
        return Batch(
            stream, checkpoint=position.checkpoint(), op=PER_ROW, warnings=told, replan=replan
        )

    def meaning(self, error: Exception, position: Position) -> PenstockError:
        """What an error of the stream is for the user."""
        if code_of(error) == _PURGED:
            said = str(error.args[1]) if len(error.args) > 1 else ""
            return self.guarded(
                lambda: self._with_master(lambda master: _expired(position, master, said))
            )
        assert isinstance(error, pymysql.Error)
        return self._said(error)

    def guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except pymysql.Error as error:
            raise self._said(error) from error

    def _said(self, error: pymysql.Error) -> PenstockError:
        if code_of(error) in _NO_RIGHT:
            return no_right(str(error.args[1]), self._config.user)
        return translate(error, self._identity, self._config.user)

    def _start(self, position: Position | None) -> Position:
        def begin(master: Master) -> Position:
            master.check()
            end = master.end()
            self._warnings += _in_danger(position, end, master.retention_s(), time.time())
            if position is None or self._anew:
                self._warnings += self._cascades(master)
            return end

        end = self._with_master(begin)
        return end if position is None or self._anew else position

    def _cascades(self, master: Master) -> list[str]:
        """InnoDB does not log what it does to the rows of a child table by itself."""
        return [
            f"Rows of {table} that are deleted or changed with their parent ({key}) are not in the "
            "log: read the table by a query mode, or delete its rows by statements."
            for database, table, key in master.cascades()
            if (database, table) in self._tables
        ]

    def _by_gtid(self, position: Position) -> bool:
        """Transactions are known by their ids on every server; places are one server's own."""
        return bool(position.gtid) and self._config.log_position != "FILE"

    def _checked(self, master: Master, position: Position) -> Position:
        """Before the server is asked, since it tells of a gap in many words."""
        identity = master.identity()
        other = bool(position.server) and identity != position.server
        if self._by_gtid(position):
            if not master.mariadb:
                purged = MySqlGtids.of(master.purged())
                if not MySqlGtids.of(position.gtid).holds(purged):
                    raise _expired(position, master, f"transactions {purged} were purged")
            if not other:
                return position
            self._warnings.append(
                f"Another server answers ({identity} in place of {position.server}): reading goes "
                "on there, by the ids of its transactions."
            )
            return Position("", 0, position.gtid, identity, position.at)
        if other:
            raise _other_server(position, identity)
        if position.file not in master.files():
            raise _expired(position, master, f"the file {position.file} was purged")
        return position

    def _with_master(self, work: Callable[[Master], T]) -> T:
        session = self._sessions.connect()
        try:
            return work(Master(session, self._config.user))
        finally:
            session.close()


def _in_danger(position: Position | None, end: Position, kept_s: int, now: float) -> Iterator[str]:
    """Of a log that may be purged before it is read (pipelines.md 19.3).

    Args:
        kept_s: how long the server keeps it; 0 for ever.
    """
    if 0 < kept_s < _THREE_DAYS_S:
        yield (
            f"The server keeps its log for {kept_s // 3600} hours only: a longer pause "
            "means that changes are lost (OFFSET_EXPIRED)."
        )
    # What was read last may be old because nothing happened since.
    behind = position is not None and (position.gtid or position.place) != (end.gtid or end.place)
    if position is not None and behind and position.at and kept_s:
        late = now - position.at
        if late > kept_s / 2:
            yield (
                f"Reading is {late / 3600:.0f} hours behind, and the server keeps its log for "
                f"{kept_s // 3600} hours: let the pipeline catch up now."
            )


def _expired(position: Position, master: Master, reason: str) -> ConfigError:
    """The position is lost (pipelines.md 19.3): from where to where changes are missing."""
    files = master.files()
    oldest = files[0] if files else "the present end of the log"
    since = position.committed_at
    read = f", the last one read at {since}" if since else ""
    return ConfigError(
        f"Changes cannot be read on from {position.text}{read}: {reason}. What was changed between "
        f"there and the beginning of {oldest} is not known.",
        hint="Let the server keep its log for longer than the longest pause.",
        code="OFFSET_EXPIRED",
        position=position.text,
        since=since,
        oldest=oldest,
    )


def _other_server(position: Position, identity: str) -> ConfigError:
    """A place in the log of one server says nothing of another's."""
    since = f" {position.committed_at}" if position.committed_at else ""
    return ConfigError(
        "Another server answers, and its log is counted in another way: "
        f"{identity} in place of {position.server}. Changes cannot be read on from "
        f"{position.text}, and what was changed since{since} is not known.",
        hint="Connect to the server as before if this is a mistake. With GTIDs reading goes on "
        "by itself.",
        code="OFFSET_EXPIRED",
        was=position.server,
        now=identity,
        position=position.text,
        since=position.committed_at,
    )


def _failed(
    rows: pa.RecordBatch, at: int, reason: str, followed: Followed, changes: Changes
) -> FailedEvent:
    """The row as the log has it, with null where its value has no place."""
    texts: dict[str, Any] = {
        name: None if (value := rows.column(name)[at].as_py()) is None else str(value)
        for name in changes.columns
    }
    values = [texts.get(name) for name in followed.key]
    known = bool(values) and all(value is not None for value in values)
    return FailedEvent(
        followed.stream,
        "INGESTION",
        "PARSE_ERROR",
        reason,
        json.dumps(texts, ensure_ascii=False),
        key=":".join(map(str, values)) if known else None,
        event_type=followed.stream,
        op=chr(changes.ops[at]),
    )
