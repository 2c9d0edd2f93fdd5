"""Events of the binary log: their kinds, and where they stand in a buffer.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication_binlog_event.html
https://mariadb.com/kb/en/replication-protocol/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

QUERY: Final = 2
STOP: Final = 3
ROTATE: Final = 4
FORMAT: Final = 15
XID: Final = 16
TABLE_MAP: Final = 19
INCIDENT: Final = 26
HEARTBEAT: Final = 27
GTID: Final = 33
ANONYMOUS_GTID: Final = 34
PREVIOUS_GTIDS: Final = 35
XA_PREPARE: Final = 38
PARTIAL_UPDATE: Final = 39
TRANSACTION_PAYLOAD: Final = 40
HEARTBEAT_V2: Final = 41
TAGGED_GTID: Final = 42
MARIA_GTID: Final = 162
MARIA_GTID_LIST: Final = 163
MARIA_START_ENCRYPTION: Final = 164
MARIA_QUERY_COMPRESSED: Final = 165
MARIA_ROWS_COMPRESSED: Final = (166, 167, 168, 169, 170, 171)
"""WRITE, UPDATE, DELETE in version 1, then in version 2."""

WRITES: Final = frozenset({23, 30})
UPDATES: Final = frozenset({24, 31})
DELETES: Final = frozenset({25, 32})
VERSION_2: Final = frozenset({30, 31, 32})
ROWS: Final = WRITES | UPDATES | DELETES
COMPRESSED_AS: Final = {166: 23, 167: 24, 168: 25, 169: 30, 170: 31, 171: 32}

HEAD: Final = 19
"""Time, kind, server, size, next position, flags."""
CHECKSUM: Final = 4
_HEAD: Final = Struct("<IBIIIH")


@dataclass(frozen=True)
class Events:
    """Whole events in a buffer; `ends` leave the checksums out."""

    buffer: Bytes
    starts: Ints
    ends: Ints

    @property
    def count(self) -> int:
        return len(self.starts)

    @property
    def kinds(self) -> Bytes:
        kinds: Bytes = self.buffer[self.starts + 4]
        return kinds

    def part(self, first: int, stop: int) -> Events:
        return Events(self.buffer, self.starts[first:stop], self.ends[first:stop])

    def chosen(self, which: Ints | Mask) -> Events:
        return Events(self.buffer, self.starts[which], self.ends[which])

    def event(self, at: int) -> Event:
        data = self.buffer[self.starts[at] : self.ends[at]].tobytes()
        return Event(data)

    def numbers(self, at: Ints, size: int) -> Ints:
        """Little-endian numbers of `size` bytes at these places."""
        return numbers(self.buffer, at, size)


@dataclass(frozen=True)
class Event:
    """One event: its bytes without the checksum."""

    data: bytes

    @property
    def kind(self) -> int:
        return self.data[4]

    @property
    def body(self) -> bytes:
        return self.data[HEAD:]

    @property
    def time(self) -> int:
        """Seconds since the epoch, when its statement began."""
        return int(_HEAD.unpack_from(self.data)[0])

    @property
    def size(self) -> int:
        """Bytes in the log, with its checksum."""
        return int(_HEAD.unpack_from(self.data)[3])

    @property
    def next_position(self) -> int:
        return int(_HEAD.unpack_from(self.data)[4])

    @property
    def flags(self) -> int:
        return int(_HEAD.unpack_from(self.data)[5])


def numbers(buffer: Bytes, at: Ints, size: int, *, big: bool = False) -> Ints:
    """Unsigned numbers of up to 7 bytes (or 8, signed) at these places."""
    found = np.zeros(len(at), np.int64)
    for byte in range(size):
        shift = 8 * (size - 1 - byte if big else byte)
        found |= buffer[at + byte].astype(np.int64) << shift
    return found


def lenenc(data: bytes, at: int) -> tuple[int, int]:
    """A length-encoded number, and where the next byte stands."""
    first = data[at]
    if first < 0xFB:
        return first, at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}[first]
    return int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size


def framed(events: Iterator[bytes] | list[bytes]) -> Events:
    """Events of their bytes without checksums, e.g. those that were compressed."""
    parts = list(events)
    sizes = np.array([len(part) for part in parts], np.int64)
    ends = np.cumsum(sizes)
    buffer: Any = np.frombuffer(b"".join(parts) + bytes(16), np.uint8)
    return Events(buffer, ends - sizes, ends)
