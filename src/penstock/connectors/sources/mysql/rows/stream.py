"""The lines of a query, in blocks of whole rows, read past the driver's row by row reader."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from pymysql import err
from pymysql.constants import COMMAND, CR

from penstock.connectors.sources.mysql.rows.frames import (
    END,
    HEADER,
    LARGEST,
    Frames,
    Stop,
    clean,
    find,
    may_have_ended,
)
from penstock.sdk.sql.reading import Blocks

BLOCK_BYTES: Final = 1 << 20
"""Fits the caches of one core together with the columns made from it."""


class LineStream:
    """One query whose only column is a line as `render.line` builds it.

    Iterating yields blocks (memory views that are valid until the next one) of CSV lines: a
    first column of blanks, then the values, ended by a newline. A stream that is not read to
    its end closes the connection, since the server cannot be told to stop sending.

    Args:
        connection: logged in, without a query under way; the driver's.
        query: its first column is read, and must be the only one.
        blocks: says how large each block shall be.
    """

    def __init__(self, connection: Any, query: str, blocks: Blocks) -> None:
        self._connection = connection
        self._query = query
        self._blocks = blocks
        self._size = self._next_size()
        self._data = bytearray(self._size)
        self._have = 0
        self.unbuilt = 0
        """Rows whose line the server could not build, since it exceeds max_allowed_packet."""
        self.bytes_read = 0

    def __iter__(self) -> Iterator[memoryview]:
        done = False
        try:
            self._start()
            while not done:
                self._fill()
                frames = find(self._block())
                self.unbuilt += len(frames.gone)
                if len(frames.ends):
                    clean(self._block(), frames)
                    yield memoryview(self._data)[: int(frames.ends[-1]) + 1]
                self._keep_from(frames.next)
                if frames.stop is Stop.LARGE:
                    yield memoryview(self._large_row())
                done = self._has_ended(frames)
        finally:
            if not done:
                self._connection._force_close()

    def _start(self) -> None:
        """Send the query and pass over the description of its column."""
        connection = self._connection
        connection._execute_command(COMMAND.COM_QUERY, self._query)
        columns = connection._read_packet().read_length_encoded_integer()
        for _ in range(columns + 1):
            connection._read_packet()

    def _next_size(self) -> int:
        # The first read must take all that the driver's file object has read ahead.
        return max(self._blocks.next_bytes(), io.DEFAULT_BUFFER_SIZE)

    def _block(self) -> Any:
        return np.frombuffer(self._data, np.uint8, self._have)

    def _fill(self) -> None:
        """Read until the block is full or the server has nothing more to send."""
        while self._have < self._size:
            got = self._receive(memoryview(self._data)[self._have : self._size])
            self._have += got
            if may_have_ended(self._block()):
                return

    def _receive(self, room: memoryview) -> int:
        file = self._connection._rfile
        try:
            if self.bytes_read:
                got = file.raw.readinto(room)
            else:
                # What the driver read ahead; readinto1 would wait for more behind it.
                ahead = file.read1(len(room))
                got = len(ahead)
                room[:got] = ahead
        except OSError as error:
            raise err.OperationalError(CR.CR_SERVER_LOST, str(error)) from error
        if not got:
            raise err.OperationalError(CR.CR_SERVER_LOST, "The server closed the connection.")
        self.bytes_read += got
        return int(got)

    def _keep_from(self, place: int) -> None:
        """Move the incomplete packet to the front; make room when it fills the whole block."""
        left = self._have - place
        data = self._data
        full = place == 0 and left >= self._size
        self._size = 2 * self._size if full else self._next_size()
        if len(data) < self._size:
            # Anew: the old one may be looked at still. Large steps, since fresh pages cost much.
            self._data = bytearray(max(self._size, 2 * len(data)))
        self._data[:left] = bytes(memoryview(data)[place : self._have])
        self._have = left

    def _large_row(self) -> bytes:
        """A row of several packets, of which the first stands at the front of the block."""
        parts = []
        while True:
            length = int.from_bytes(self._take(HEADER)[:3], "little")
            parts.append(self._take(length))
            if length < LARGEST:
                break
        value = b"".join(parts)
        # 0xFE and eight bytes of length; values of 16 MB and more have no shorter form.
        return value[9:-1] + b"\n"

    def _take(self, size: int) -> bytes:
        taken = bytearray(self._data[: min(size, self._have)])
        self._keep_from(len(taken))
        have = len(taken)
        taken.extend(bytes(size - have))
        while have < size:
            have += self._receive(memoryview(taken)[have:])
        return bytes(taken)

    def _has_ended(self, frames: Frames) -> bool:
        if frames.stop is Stop.FAILED:
            packet = bytes(self._data[HEADER : self._have])
            assert packet[0] == END
            err.raise_mysql_exception(packet)
        return frames.stop is Stop.DONE
