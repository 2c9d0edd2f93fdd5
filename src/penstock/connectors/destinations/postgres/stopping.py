"""Ctrl-C while a statement runs: the server is asked to give it up."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import psycopg

_EVERY_S = 0.2
_ANSWER_S = 2.0


class StatementStopper(threading.Thread):
    """Cancels what a connection is doing, again and again, once the job is to stop.

    The transaction is rolled back, so the package that was being loaded waits on disk.
    """

    def __init__(self, connection: psycopg.Connection[Any], cancel: threading.Event) -> None:
        super().__init__(name="stop-postgres", daemon=True)
        self._connection = connection
        self._cancel = cancel

    def run(self) -> None:
        while not self._connection.closed:
            if self._cancel.wait(_EVERY_S):
                with suppress(psycopg.Error):
                    self._connection.cancel_safe(timeout=_ANSWER_S)
                # Set for good: without this pause the server would hear nothing else.
                threading.Event().wait(_EVERY_S)
