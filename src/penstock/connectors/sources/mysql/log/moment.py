"""A snapshot of one table, with the place in the log up to which it has everything."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

import pymysql

from penstock.connectors.sources.mysql.errors import code_of
from penstock.connectors.sources.mysql.log.master import Master
from penstock.connectors.sources.mysql.log.position import Position
from penstock.connectors.sources.mysql.server import begin_snapshot
from penstock.connectors.sources.mysql.sessions import Sessions
from penstock.core.errors import TransientError

_NO_RIGHT: Final = {1044, 1142, 1227}
_PATIENCE_S: Final = 30.0
_LOOK_S: Final = 0.1


class Moments:
    """Begins the transactions in which tables without a key are read.

    Args:
        user: for messages about rights.
    """

    def __init__(self, sessions: Sessions, user: str) -> None:
        self._sessions = sessions
        self._user = user

    def begin(
        self, connection: Any, table: str, after: Position | None, cancel: threading.Event
    ) -> Position | None:
        """Begin a transaction with a snapshot.

        Args:
            table: quoted.
            after: changes of the table up to here were left out of the log's rows already: the
                snapshot must have them. A server tells of a transaction in its log a moment
                before others see it.

        Returns:
            The end of the last transaction that it sees; None where the server does not tell,
            and the user has no right to lock the table for the moment.
        """
        until = time.monotonic() + _PATIENCE_S
        while True:
            found = self._begin(connection, table)
            if found is None or after is None or found.server != after.server:
                return found
            if found.place >= after.place or cancel.wait(_LOOK_S):
                return found
            if time.monotonic() > until:
                raise TransientError(
                    f"The server has not shown to others yet what its log told before "
                    f"{after.file}, {after.offset}.",
                    hint="Perhaps it waits for a replica (semi-synchronous replication).",
                    code="source.snapshot_behind",
                )

    def _begin(self, connection: Any, table: str) -> Position | None:
        begin_snapshot(connection)
        master = Master(connection, self._user)
        # MariaDB, and Percona's server: the place that belongs to this session's snapshot.
        if (told := master.snapshot()) is not None:
            return told
        try:
            with self._locked(table):
                begin_snapshot(connection)
                return master.end()
        except pymysql.Error as error:
            if code_of(error) not in _NO_RIGHT:
                raise
            return None

    @contextmanager
    def _locked(self, table: str) -> Iterator[None]:
        """Nobody writes to the table, and all who did have committed."""
        with closing(self._sessions.connect()) as session, session.cursor() as cursor:
            cursor.execute(f"LOCK TABLES {table} READ")
            yield
            cursor.execute("UNLOCK TABLES")
