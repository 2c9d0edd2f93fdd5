"""Connections to the server, kept for reuse."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial
from typing import Any

import pymysql
from pymysql.connections import Connection

from penstock.connectors.sources.mysql.config import Config
from penstock.connectors.sources.mysql.errors import code_of, translate, translate_connect
from penstock.core.errors import Interrupted, PenstockError
from penstock.core.stopping import giving_up
from penstock.sdk.sql.mysql_login import notice_silence


class Sessions:
    """At most `max_source_connections` at a time; used from any thread."""

    def __init__(self, config: Config, identity: str) -> None:
        self._config = config
        self._identity = identity
        self._free: list[Any] = []
        self._mutex = threading.Lock()
        self._slots = threading.BoundedSemaphore(config.max_source_connections)
        self.opened = 0
        self.cancel: threading.Event | None = None

    @contextmanager
    def one(self) -> Iterator[Any]:
        """A connection in autocommit: no transaction stays open.

        Raises:
            PenstockError: in place of the driver's errors, also for those of the block.
        """
        with self._slots:
            with self._mutex:
                connection = self._free.pop() if self._free else None
            connection = connection or self.connect()
            good = False
            try:
                with giving_up(self.cancel, partial(self._kill, connection)):
                    yield connection
                good = True
            except pymysql.Error as error:
                if self.cancel is not None and self.cancel.is_set():
                    raise Interrupted("Stopped while a statement ran.") from error
                # After an error of a statement the session is as before; after others it is gone.
                good = 1000 <= code_of(error) < 2000 or code_of(error) >= 3000
                raise translate(error, self._identity, self._config.user) from error
            finally:
                self._put_back(connection, good=good)

    def connect(self) -> Any:
        """A new connection, which the caller closes."""
        config = self._config
        try:
            # Its protocol is not in the driver's type hints.
            connection: Any = Connection(database=config.default_database, **config.connection())
            mariadb = is_mariadb(connection)
            with connection.cursor() as cursor:
                for statement in config.session(mariadb=mariadb):
                    cursor.execute(statement)
        except (pymysql.Error, OSError) as error:
            raise translate_connect(error, self._identity, config.user) from error
        notice_silence(connection._sock)
        with self._mutex:
            self.opened += 1
        return connection

    def stopped_by(self, cancel: threading.Event, connection: Any) -> AbstractContextManager[None]:
        """End the statement that runs inside when the job is to stop: before its first row
        nothing else would. The connection may be of no use afterwards."""
        return giving_up(cancel, partial(self._kill, connection))

    def _kill(self, connection: Any) -> None:
        with suppress(PenstockError, pymysql.Error, OSError), closing(self.connect()) as other:
            other.query(f"KILL QUERY {connection.thread_id()}")

    def close(self) -> None:
        with self._mutex:
            free, self._free = self._free, []
        for connection in free:
            with suppress(pymysql.Error):
                connection.close()

    def _put_back(self, connection: Any, *, good: bool) -> None:
        if good and connection.open:
            with self._mutex:
                self._free.append(connection)
        elif connection.open:
            connection._force_close()


def is_mariadb(connection: Any) -> bool:
    """Which of the two it is; MariaDB says its name in the version."""
    return "mariadb" in str(connection.get_server_info()).lower()
