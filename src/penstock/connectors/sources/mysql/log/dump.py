"""The log as the server sends it: a connection in the place of a replica.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_binlog_dump.html
https://mariadb.com/kb/en/com_binlog_dump/
"""

from __future__ import annotations

import os
import select
import socket
import time
from struct import Struct, pack
from typing import Any, Final

import numpy as np
import pymysql
from pymysql import err
from pymysql.constants import COMMAND, CR

from penstock.connectors.sources.mysql.log.events import CHECKSUM, Events
from penstock.connectors.sources.mysql.log.gtid import MySqlGtids
from penstock.connectors.sources.mysql.log.position import Position
from penstock.connectors.sources.mysql.sessions import is_mariadb

_BLOCK_BYTES: Final = 4 << 20
_BEAT_S: Final = 1.0
_LINGER_S: Final = 0.05
"""A block that is not full is handed over when nothing more came for so long."""
_HEADER: Final = 4
_LARGEST: Final = 0xFFFFFF
_OK, _EOF, _ERROR = 0x00, 0xFE, 0xFF
_SPARE: Final = 16
"""Bytes behind the last event that may be looked at."""
_LENGTH: Final = Struct("<I")
_DUMP_GTID: Final = 0x1E
_THROUGH_GTID: Final = 0x04
_MARIA_CAPABILITY_GTID: Final = 4


class Dump:
    """A log that is being sent, from a position on.

    Args:
        connection: the driver's, logged in; it is used up and closed by this.
    """

    def __init__(self, connection: Any, server_id: int) -> None:
        self._connection = connection
        self._server_id = server_id
        self._held = bytearray()
        self._checksum = 0
        self._lost: pymysql.Error | None = None

    def start(self, position: Position, *, by_gtid: bool) -> None:
        """Ask for everything after the position.

        Raises:
            pymysql.Error: the server does not send it.
        """
        self._run("SET @master_binlog_checksum = @@global.binlog_checksum")
        self._run(f"SET @master_heartbeat_period = {int(_BEAT_S * 1e9)}")
        self._run("SET SESSION net_write_timeout = 3600")
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT @@global.binlog_checksum")
            self._checksum = CHECKSUM if cursor.fetchone()[0] != "NONE" else 0
        if is_mariadb(self._connection):
            self._run(f"SET @mariadb_slave_capability = {_MARIA_CAPABILITY_GTID}")
        self._register()
        if by_gtid and is_mariadb(self._connection):
            self._run(f"SET @slave_connect_state = '{position.gtid}'")
            self._run("SET @slave_gtid_strict_mode = 0, @slave_gtid_ignore_duplicates = 0")
            self._dump(COMMAND.COM_BINLOG_DUMP, pack("<IHI", 4, 0, self._server_id))
        elif by_gtid:
            gtids = MySqlGtids.of(position.gtid).encoded()
            body = pack("<HIIQI", _THROUGH_GTID, self._server_id, 0, 4, len(gtids)) + gtids
            self._dump(_DUMP_GTID, body)
        else:
            body = pack("<IHI", position.offset, 0, self._server_id) + position.file.encode()
            self._dump(COMMAND.COM_BINLOG_DUMP, body)

    def next(self, timeout_s: float) -> Events | None:
        """The next events, about a block of them at most; None when nothing came in time.

        Raises:
            pymysql.Error: the connection is gone, or the server has an error to tell.
        """
        until = time.monotonic() + timeout_s
        while len(self._held) < _BLOCK_BYTES and self._lost is None:
            wait = _LINGER_S if self._held else max(until - time.monotonic(), 0)
            try:
                data = self._receive(wait)
            except pymysql.Error as error:
                # What came before is looked at first: it may say why.
                self._lost = error
                break
            if data:
                self._held += data
            elif self._held or time.monotonic() >= until:
                break
        events = self._events() if self._held else None
        if events is None and self._lost is not None:
            raise self._lost
        return events

    @property
    def session_id(self) -> int:
        """To end it in the server, which notices only later that nobody listens."""
        return int(self._connection.thread_id())

    def close(self) -> None:
        if self._connection.open:
            self._connection._force_close()

    def _events(self) -> Events | None:
        """The whole events of what is held."""
        held, read = self._held, _LENGTH.unpack_from
        size, at = len(held), 0
        starts: list[int] = []
        ends: list[int] = []
        while at + _HEADER < size:
            length = read(held, at)[0] & _LARGEST
            if length == _LARGEST:
                if not starts:
                    return self._large()
                break
            if at + _HEADER + length > size:
                break
            self._look(held, at, length)
            starts.append(at + _HEADER + 1)
            at += _HEADER + length
            ends.append(at - self._checksum)
        if not starts:
            return None
        buffer: Any = np.frombuffer(bytes(held[:at]) + bytes(_SPARE), np.uint8)
        del held[:at]
        return Events(buffer, np.array(starts, np.int64), np.array(ends, np.int64))

    def _look(self, held: bytearray, at: int, length: int) -> None:
        mark = held[at + _HEADER]
        if mark == _OK:
            return
        if mark == _ERROR:
            err.raise_mysql_exception(bytes(held[at + _HEADER : at + _HEADER + length]))
        raise err.OperationalError(CR.CR_SERVER_LOST, "The server ended its log.")

    def _large(self) -> Events | None:
        """An event of several packets; it comes alone."""
        held, at, parts = self._held, 0, []
        while True:
            if at + _HEADER > len(held):
                return self._more()
            length = _LENGTH.unpack_from(held, at)[0] & _LARGEST
            if at + _HEADER + length > len(held):
                return self._more()
            parts.append(bytes(held[at + _HEADER : at + _HEADER + length]))
            at += _HEADER + length
            if length < _LARGEST:
                break
        data = b"".join(parts)
        del held[:at]
        buffer: Any = np.frombuffer(data + bytes(_SPARE), np.uint8)
        ends = np.array([len(data) - self._checksum], np.int64)
        return Events(buffer, np.array([1], np.int64), ends)

    def _more(self) -> Events | None:
        self._held += self._receive(10 * _BEAT_S)
        return self._large()

    def _receive(self, wait_s: float) -> bytes:
        """What is there, or comes in time; nothing otherwise."""
        connection = self._connection
        pending = getattr(connection._sock, "pending", int)()
        if not pending and not select.select([connection._sock], [], [], wait_s)[0]:
            return b""
        try:
            data = connection._sock.recv(1 << 20)
        except OSError as error:
            raise err.OperationalError(CR.CR_SERVER_LOST, str(error)) from error
        if not data:
            raise err.OperationalError(CR.CR_SERVER_LOST, "The server closed the connection.")
        return bytes(data)

    def _register(self) -> None:
        """COM_REGISTER_SLAVE: so that the server lists us among its replicas."""
        name = socket.gethostname().encode()[:60]
        body = pack("<I", self._server_id) + bytes([len(name)]) + name + b"\0\0"
        body += pack("<HII", 0, 0, 0)
        self._connection._execute_command(COMMAND.COM_REGISTER_SLAVE, body)
        self._connection._read_packet()

    def _dump(self, command: int, body: bytes) -> None:
        self._connection._execute_command(command, body)

    def _run(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)


def free_server_id() -> int:
    """A number of our own: two replicas with the same number throw each other out."""
    return int.from_bytes(os.urandom(4), "little") | 0x8000_0000
