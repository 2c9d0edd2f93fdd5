"""One read of the log: connect, decode, connect again, and end where it is to end."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import psycopg

from penstock.connectors.sources.postgres.log import messages as kind
from penstock.connectors.sources.postgres.log.decoder import Decoder
from penstock.connectors.sources.postgres.log.errors import is_lost_connection
from penstock.connectors.sources.postgres.log.fields import Commit
from penstock.connectors.sources.postgres.log.framing import Block
from penstock.connectors.sources.postgres.log.messages import Messages
from penstock.connectors.sources.postgres.log.position import Position
from penstock.core.batch import Batch
from penstock.core.errors import InternalError
from penstock.sdk.source import ReadContext

if TYPE_CHECKING:
    from penstock.connectors.sources.postgres.log.reader import LogReader

_LOOK_S: Final = 0.2
_BEAT_S: Final = 1.0
"""At most this often a position without rows is told."""
_PATIENCE_S: Final = 120.0
"""How long a server that is away is tried again before the job gives up."""
_PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)


class Run:
    """Batches from a position on, across connections.

    Within a transaction that is longer than a block batches have no checkpoint. When the
    connection is lost there, the server sends the transaction again from its start, so the job
    has to end and begin at the last checkpoint; anywhere else reading just goes on.
    """

    def __init__(self, log: LogReader, position: Position, context: ReadContext) -> None:
        self._log = log
        self._position = position
        self._context = context
        self._decoder = Decoder(log.key_of, numbered=log.is_appended)
        self._half_told = False
        self._told_lsn = position.lsn
        self._told_at = time.monotonic()
        self._end: int | None = None
        self._wal_end = 0

    def batches(self) -> Iterator[Batch]:
        try:
            yield from self._batches()
        finally:
            self._decoder.close()

    def _batches(self) -> Iterator[Batch]:
        tries, away_since = 0, 0.0
        while not self._context.cancel.is_set():
            try:
                self._connect()
                for batch in self._read():
                    tries = 0
                    yield batch
                return
            except (psycopg.Error, ConnectionError) as error:
                if not self._may_go_on(error):
                    raise self._log.meaning(error, self._position) from error
                away_since = away_since if tries else time.monotonic()
                if time.monotonic() - away_since > _PATIENCE_S:
                    raise self._log.meaning(error, self._position) from error
            self._context.cancel.wait(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])
            tries += 1

    def _may_go_on(self, error: Exception) -> bool:
        return is_lost_connection(error) and not self._half_told

    def _connect(self) -> None:
        self._decoder.close()
        self._decoder = Decoder(self._log.key_of, numbered=self._log.is_appended)
        self._position = self._log.open(self._position, self._context.cancel)

    def _read(self) -> Iterator[Batch]:
        while not self._context.cancel.is_set():
            self._log.watch(self._context.follow)
            block = self._log.next(_LOOK_S)
            if block is not None:
                yield from self._block(block)
            if self._is_at_end():
                yield self._heartbeat()
                return
            if self._log.has_other_tables and not self._half_told:
                yield replace(self._heartbeat(), replan=True)
                return
            if self._is_time_to_tell():
                yield self._heartbeat()
            if self._log.passes_barrier(self._position.lsn) and not self._half_told:
                self._connect()

    def _block(self, block: Block) -> Iterator[Batch]:
        """Batches of the transactions that are whole, then of the one that goes on."""
        messages = block.messages
        if self._log.joins.awaits and not (yield from self._come(messages)):
            return
        kinds = messages.kinds
        ends = np.flatnonzero((kinds == kind.COMMIT) | (kinds == kind.STREAM_COMMIT))
        cut = int(ends[-1]) + 1 if len(ends) else 0
        self._wal_end = max(self._wal_end, block.wal_end)
        before = self._position
        last: Batch | None = None
        for batch in self._decoded(messages.part(0, cut)):
            if last is not None:
                yield last
            last = batch
        if last is not None or self._half_told:
            done = self._position.checkpoint()
            yield replace(last, checkpoint=done) if last else self._log.heartbeat(self._position)
            self._half_told = False
            self._told()
        for batch in self._decoded(messages.part(cut, messages.count)):
            self._half_told = True
            yield batch
        if block.quiet and not self._decoder.in_transaction:
            self._position = replace(self._position, lsn=max(self._position.lsn, block.wal_end))
        assert self._position.lsn >= before.lsn
        self._log.lag(self._position, self._wal_end, block.sent_us)

    def _come(self, messages: Messages) -> Generator[Batch, None, bool]:
        """Wait for the history of tables without a key before their changes are told; false
        when the job ends first."""
        tables = self._decoder.tables_in(messages)
        context = self._context
        while not self._log.joins.come(tables, context.others_ended, context.cancel, _LOOK_S):
            if context.cancel.is_set():
                return False
            if self._is_time_to_tell():
                yield self._heartbeat()
        return True

    def _decoded(self, messages: Messages) -> Iterator[Batch]:
        if not messages.count:
            return
        try:
            for piece in self._decoder.feed(messages):
                if isinstance(piece, Commit):
                    at = max(self._position.lsn, piece.end_lsn)
                    self._position = replace(self._position, lsn=at, at_us=piece.at_us)
                else:
                    yield from self._log.rows(piece, self._position.lsn, self._context)
        except ValueError as error:
            raise InternalError(
                f"The log has bytes that we do not understand: {error}.",
                hint="Please report this with the version of the server.",
                code="source.unexpected",
            ) from error

    def _is_at_end(self) -> bool:
        """Without `follow`: whether everything is read that was there when the others ended."""
        if self._context.follow or not self._context.others_ended.is_set() or self._half_told:
            return False
        if self._end is None:
            self._end = self._log.beat()
        return self._position.lsn >= self._end

    def _is_time_to_tell(self) -> bool:
        moved = self._position.lsn > self._told_lsn and not self._half_told
        pause = min(_BEAT_S, self._context.batch_seconds) if moved else self._context.batch_seconds
        return not self._half_told and time.monotonic() - self._told_at >= pause

    def _heartbeat(self) -> Batch:
        self._told()
        return self._log.heartbeat(self._position)

    def _told(self) -> None:
        self._told_lsn, self._told_at = self._position.lsn, time.monotonic()
