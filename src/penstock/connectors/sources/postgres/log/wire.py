"""The replication connection: login by libpq, then the bytes of COPY in both directions."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Mapping
from struct import Struct
from typing import Any, Final, Protocol

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo
from psycopg.pq.abc import PGconn

_FRAME: Final = Struct(">BI")
_COPY_DATA: Final = ord("d")
_MOST: Final = 1 << 20
_CONNECT_S: Final = 10.0
_GATHER_S: Final = 0.003
"""The server sends a few kilobytes at a time; a pause this long halves the CPU of reading them
(measured, docs/decisions/0022-postgresql-log.md)."""

SESSION: Final = (
    "-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c bytea_output=hex "
    "-c timezone=UTC -c xmloption=content"
)
"""Settings that make the text of a value the same as that of `COPY`, whatever the user's are."""


class Wire(Protocol):
    """Bytes of an open COPY, as the server framed them."""

    def receive(self, timeout_s: float) -> bytes:
        """What has come, at most about a megabyte; nothing when nothing came in time.

        Raises:
            ConnectionError: the connection is gone.
        """

    def send(self, payload: bytes) -> None:
        """One CopyData message."""

    def end(self) -> None:
        """Tell the server that reading ends; it answers, and ends as well."""

    def close(self) -> None: ...


def connect(settings: Mapping[str, Any]) -> PGconn:
    """A connection that may start replication.

    Raises:
        psycopg.OperationalError: as for any connection.
    """
    words = {**settings, "replication": "database", "gssencmode": "disable", "options": SESSION}
    given = {name: value for name, value in words.items() if value is not None}
    # Step by step: the call that does all of it keeps every other thread of Python waiting.
    connection = pq.PGconn.connect_start(make_conninfo("", **given).encode())
    until = time.monotonic() + float(given.get("connect_timeout", _CONNECT_S))
    state: int = pq.PollingStatus.WRITING
    while state in (pq.PollingStatus.READING, pq.PollingStatus.WRITING):
        if not _ready(connection, state, until - time.monotonic()):
            connection.finish()
            raise psycopg.OperationalError("timeout expired")
        state = connection.connect_poll()
    if state != pq.PollingStatus.OK:
        message = connection.get_error_message()
        connection.finish()
        raise psycopg.OperationalError(message)
    return connection


def _ready(connection: PGconn, wanted: int, timeout_s: float) -> bool:
    """Whether the connection can go on in time; a failed one can, to say so."""
    if connection.status == pq.ConnStatus.BAD:
        return True
    place = [connection.socket]
    reads, writes = (place, []) if wanted == pq.PollingStatus.READING else ([], place)
    return timeout_s > 0 and any(select.select(reads, writes, [], timeout_s))


def ask(connection: PGconn, command: str) -> list[list[str | None]]:
    """Rows of a simple command.

    Raises:
        psycopg.Error: the server refused it.
    """
    result = connection.exec_(command.encode())
    if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        raise psycopg.errors.error_from_result(result)
    return [
        [_text(result.get_value(row, column)) for column in range(result.nfields)]
        for row in range(result.ntuples)
    ]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def start(connection: PGconn, command: str) -> Wire:
    """Begin COPY in both directions. A refusal comes as the first thing that is received."""
    connection.send_query(command.encode())
    while connection.flush():
        select.select([], [connection.socket], [])
    return _Libpq(connection) if connection.ssl_in_use else _Plain(connection)


class _Plain:
    """The socket itself: libpq has read nothing since the command was sent, and does not again."""

    def __init__(self, connection: PGconn) -> None:
        self._connection = connection
        self._socket = socket.socket(fileno=os.dup(connection.socket))
        self._socket.setblocking(False)

    def receive(self, timeout_s: float) -> bytes:
        if not select.select([self._socket], [], [], timeout_s)[0]:
            return b""
        time.sleep(_GATHER_S)
        data = self._socket.recv(_MOST)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def send(self, payload: bytes) -> None:
        self._write(_FRAME.pack(_COPY_DATA, len(payload) + 4) + payload)

    def end(self) -> None:
        self._write(_FRAME.pack(ord("c"), 4))

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            select.select([], [self._socket], [], 1.0)
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                continue

    def close(self) -> None:
        self._socket.close()
        self._connection.finish()


class _Libpq:
    """Through libpq, where the bytes are encrypted; framed again as the server had them."""

    def __init__(self, connection: PGconn) -> None:
        self._connection = connection
        self._copying = False

    def receive(self, timeout_s: float) -> bytes:
        connection = self._connection
        if not self._copying:
            self._begin()
        data = self._take()
        if not data and select.select([connection.socket], [], [], timeout_s)[0]:
            self._consume()
            data = self._take()
        return data

    def _begin(self) -> None:
        result = self._connection.get_result()
        if result is None or result.status != pq.ExecStatus.COPY_BOTH:
            if result is None or result.status != pq.ExecStatus.FATAL_ERROR:
                raise ConnectionError("the server closed the connection")
            raise psycopg.errors.error_from_result(result)
        self._connection.nonblocking = 1
        self._copying = True

    def _consume(self) -> None:
        try:
            self._connection.consume_input()
        except psycopg.OperationalError as error:
            raise ConnectionError(str(error)) from error

    def _take(self) -> bytes:
        parts: list[bytes | memoryview] = []
        size = 0
        while size < _MOST:
            length, data = self._connection.get_copy_data(1)
            if length == 0:
                break
            if length < 0:
                self._ended()
            parts += (_FRAME.pack(_COPY_DATA, length + 4), data)
            size += length
        return b"".join(parts)

    def _ended(self) -> None:
        result = self._connection.get_result()
        if result is not None and result.status == pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)
        raise ConnectionError("the server ended the stream")

    def send(self, payload: bytes) -> None:
        self._connection.put_copy_data(payload)
        self._flush()

    def end(self) -> None:
        self._connection.put_copy_end()
        self._flush()

    def _flush(self) -> None:
        while self._connection.flush():
            select.select([], [self._connection.socket], [], 1.0)

    def close(self) -> None:
        self._connection.finish()
