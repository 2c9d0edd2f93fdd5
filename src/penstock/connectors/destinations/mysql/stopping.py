"""Ctrl-C while a statement runs: the server is asked to give it up."""

from __future__ import annotations

import threading
from contextlib import closing, suppress

import pymysql

from penstock.connectors.destinations.mysql.config import Config
from penstock.connectors.destinations.mysql.connection import RowsConnection, connect

_EVERY_S = 0.2


class StatementStopper(threading.Thread):
    """Cancels what a connection is doing, again and again, once the job is to stop.

    The transaction is rolled back, so the package that was being loaded waits on disk.
    """

    def __init__(self, connection: RowsConnection, config: Config, cancel: threading.Event) -> None:
        super().__init__(name="stop-mysql", daemon=True)
        self._connection = connection
        self._config = config
        self._cancel = cancel

    def run(self) -> None:
        while self._connection.open:
            if self._cancel.wait(_EVERY_S):
                with suppress(pymysql.Error, OSError), closing(connect(self._config)) as another:
                    another.query(f"KILL QUERY {self._connection.session_id}")
                # Set for good: without this pause the server would hear nothing else.
                threading.Event().wait(_EVERY_S)
