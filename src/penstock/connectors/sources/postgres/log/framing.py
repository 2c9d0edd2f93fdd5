"""From bytes of the replication protocol to messages of pgoutput.

Source: https://www.postgresql.org/docs/current/protocol-replication.html
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

import numpy as np
import psycopg

from penstock.connectors.sources.postgres.log.messages import Ints, Messages

_LENGTH: Final = Struct(">xI")
_STATUS: Final = Struct(">BQQQqB")
_FRAME_HEAD: Final = 5
_DATA_HEAD: Final = 25
"""w, start and end of the log, and the server's clock, before each message."""
_EPOCH_US: Final = 946_684_800_000_000


@dataclass(frozen=True)
class Block:
    """What came in one piece.

    Args:
        wal_end: how far the server's log went when it sent the last of it; 0 when not told.
        sent_us: the server's clock then, epoch us.
        quiet: the server says, with nothing behind it, that it has read its log up to `wal_end`
            and sent all of it that matters.
    """

    messages: Messages
    wal_end: int
    sent_us: int
    quiet: bool


class Framing:
    """Cuts bytes into frames; what is incomplete waits for the rest."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Block:
        """The messages that are whole now.

        Raises:
            ConnectionError: the server ended the stream.
            psycopg.Error: the server reports an error.
        """
        whole = self._rest + data
        starts, end = _frames(whole)
        self._rest = whole[end:]
        return _block(whole[:end], np.array(starts, np.int64), end)


def _frames(data: bytes) -> tuple[list[int], int]:
    """Where frames start, and where the last whole one ends."""
    starts: list[int] = []
    place, last = 0, len(data) - _FRAME_HEAD
    length = _LENGTH.unpack_from
    while place <= last:
        end = place + 1 + length(data, place)[0]
        if end > last + _FRAME_HEAD:
            break
        starts.append(place)
        place = end
    return starts, place


def _block(data: bytes, starts: Ints, end: int) -> Block:
    buffer = np.frombuffer(data + bytes(_DATA_HEAD), np.uint8)
    ends = np.append(starts[1:], end) if len(starts) else starts
    copied = buffer[starts] == ord("d")
    for index in np.flatnonzero(~copied).tolist():
        _other(data[int(starts[index]) : int(ends[index])])
    starts, ends = starts[copied] + _FRAME_HEAD, ends[copied]
    carries = buffer[starts] == ord("w")
    messages = Messages.inside(data, starts[carries] + _DATA_HEAD, ends[carries])
    if not len(starts):
        return Block(messages, 0, 0, quiet=False)
    last = int(starts[-1])
    # w: start, end, clock. k: end, clock.
    quiet = not carries[-1]
    at = last + (1 if quiet else 9)
    wal_end, clock = (int.from_bytes(data[at + i : at + i + 8], "big") for i in (0, 8))
    return Block(messages, wal_end, clock + _EPOCH_US, quiet)


def _other(frame: bytes) -> None:
    """A frame that carries no data: notices pass, an end and an error do not."""
    kind = frame[0:1]
    if kind == b"E":
        raise _error(frame[_FRAME_HEAD:])
    if kind in (b"c", b"C", b"Z"):
        raise ConnectionError("the server ended the stream")


def _error(fields: bytes) -> psycopg.Error:
    """An ErrorResponse: fields of one letter and a text, each ended by a zero byte."""
    found = {part[0:1]: part[1:].decode(errors="replace") for part in fields.split(b"\0") if part}
    kind = psycopg.errors.lookup(found[b"C"]) if b"C" in found else psycopg.OperationalError
    return kind(found.get(b"M", "the server reports an error"))


def status(flushed: int, now_us: int) -> bytes:
    """A standby status update: everything up to `flushed` is safe, the server may forget it."""
    return _STATUS.pack(ord("r"), flushed, flushed, flushed, now_us - _EPOCH_US, 0)
