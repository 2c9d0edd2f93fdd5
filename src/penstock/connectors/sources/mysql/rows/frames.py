"""Where rows end in the raw bytes of a result set, found for a whole block at once.

Each row is one packet (3 bytes length, 1 byte sequence) that holds one length-encoded binary
value: a line that begins with "," and ends with the byte 0xFF, which UTF-8 never contains.
https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

END: Final = 0xFF
HEADER: Final = 4
LARGEST: Final = 0xFFFFFF
_LONGEST_PREFIX: Final = 8
"""Packet header and length of a row under 16 MB: 4 + 4 bytes."""
_ROUNDS: Final = 4
_NULL: Final = 0xFB
_EOF: Final = 0xFE


class Stop(Enum):
    """Why the rows of a block end where they do."""

    MORE = "the next packet is not complete yet"
    LARGE = "the next row is longer than one packet"
    DONE = "the result set has ended"
    FAILED = "the server sent an error"


@dataclass(frozen=True)
class Frames:
    """The complete rows of a block.

    Args:
        starts: where each row's packet begins.
        ends: where its closing 0xFF stands; as many as `starts`.
        gone: packets of lines that the server could not build (NULL); they are five bytes long.
        next: where the first packet stands that is no complete row.
        stop: what that packet is.
    """

    starts: Places
    ends: Places
    gone: Places
    next: int
    stop: Stop


def find(block: Bytes) -> Frames:
    """The rows of a block that begins with a packet header."""
    ends = _likely_ends(block)
    starts = np.empty_like(ends)
    if len(ends):
        starts[0] = 0
        starts[1:] = ends[:-1] + 1
    if not _is_chain(block, starts, ends):
        return _walk(block, 0)
    rest = int(ends[-1]) + 1 if len(ends) else 0
    tail = _walk(block, rest)
    if len(tail.starts):
        starts, ends = np.concatenate([starts, tail.starts]), np.concatenate([ends, tail.ends])
    return Frames(starts, ends, tail.gone, tail.next, tail.stop)


def clean(block: Bytes, frames: Frames) -> None:
    """Turn rows into lines: headers become spaces in front of the first comma, 0xFF a newline."""
    starts = frames.starts
    block[frames.ends] = ord("\n")
    first = block[np.minimum(starts + HEADER, len(block) - 1)]
    for more, mark in ((2, 0xFC), (3, 0xFD)):
        longer = starts[first == mark]
        for at in range(HEADER + 1, HEADER + 1 + more):
            block[longer + at] = ord(" ")
    for places in (starts, frames.gone):
        for at in range(HEADER + 1):
            block[places + at] = ord(" ")


def _likely_ends(block: Bytes) -> Places:
    """Every 0xFF that does not stand in the header behind the one before."""
    found: Places = np.flatnonzero(block == END)
    if not len(found):
        return found
    keep = np.diff(found, prepend=-1) > _LONGEST_PREFIX
    if keep.all():
        return found
    for _ in range(_ROUNDS):
        # The last kept one before each: where the header begins that it may belong to.
        last = np.maximum.accumulate(np.where(keep, found, -1))
        before = np.concatenate([[-1], last[:-1]])
        better = found - before > _prefix(block, before)
        if (better == keep).all():
            break
        keep = better
    return found[keep]


def _prefix(block: Bytes, before: Places) -> Places:
    """Length of the header and the length behind each place."""
    mark = block[np.minimum(before + 1 + HEADER, len(block) - 1)]
    return np.where(mark == 0xFD, 8, np.where(mark == 0xFC, 7, 5)).astype(np.int64)


def _is_chain(block: Bytes, starts: Places, ends: Places) -> bool:
    """Whether the lengths in the headers lead from each row to the next."""
    if not len(ends):
        return True
    if (ends - starts < HEADER + 2).any():
        return False
    return bool((starts + (HEADER - 1) + _lengths(block, starts) == ends).all())


def _lengths(block: Bytes, starts: Places) -> Places:
    low, middle, high = (block[starts + at].astype(np.int64) for at in range(3))
    return low | (middle << 8) | (high << 16)


def _walk(block: Bytes, at: int) -> Frames:
    """The same packet by packet, exact whatever the rows hold."""
    view, size = memoryview(block.data), len(block)
    starts: list[int] = []
    ends: list[int] = []
    gone: list[int] = []
    stop = Stop.MORE
    while at + HEADER < size:
        length = int.from_bytes(view[at : at + 3], "little")
        kind = view[at + HEADER]
        if length == LARGEST:
            stop = Stop.LARGE
            break
        if at + HEADER + length > size:
            break
        if kind == _EOF and length < 9:
            stop = Stop.DONE
            break
        if kind == END:
            stop = Stop.FAILED
            break
        if kind == _NULL:
            gone.append(at)
        else:
            starts.append(at)
            ends.append(at + HEADER + length - 1)
        at += HEADER + length
    found = [np.array(places, np.int64) for places in (starts, ends, gone)]
    return Frames(found[0], found[1], found[2], at, stop)


def may_have_ended(block: Bytes) -> bool:
    """Whether the last bytes look like the packet that ends a result set.

    After it the server sends nothing: waiting for more would be for ever. Looks like it too
    often, never too seldom.
    """
    size = len(block)
    if size >= 9 and block[size - 5] == _EOF and block[size - 9] == 5:
        return True
    # An error: its length, a sequence, 0xFF; a message of at most 512 characters.
    tail = block[max(0, size - 4096) :].tobytes()
    at = tail.rfind(b"\xff")
    while at >= HEADER:
        if int.from_bytes(tail[at - HEADER : at - 1], "little") == len(tail) - at:
            return True
        at = tail.rfind(b"\xff", 0, at)
    return False
