"""pgoutput messages, many in one buffer, so that numpy reads a field of all of them at once.

Source: https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

# The first byte of each message that the decoder knows.
BEGIN: Final = ord("B")
COMMIT: Final = ord("C")
INSERT: Final = ord("I")
UPDATE: Final = ord("U")
DELETE: Final = ord("D")
RELATION: Final = ord("R")
TRUNCATE: Final = ord("T")
TYPE: Final = ord("Y")
ORIGIN: Final = ord("O")
MESSAGE: Final = ord("M")
STREAM_START: Final = ord("S")
STREAM_STOP: Final = ord("E")
STREAM_COMMIT: Final = ord("c")
STREAM_ABORT: Final = ord("A")

# Reads past the last field of a buffer stay inside it.
_PADDING: Final = bytes(8)
_MOST_BYTES: Final = (1 << 31) - 1 - len(_PADDING)


@dataclass(frozen=True)
class Messages:
    """`count` messages in one `buffer`, message i in `starts[i]:ends[i]`.

    Args:
        buffer: the bytes, and 8 more; below 2 GiB, so that Arrow's 32-bit offsets reach them.
        starts, ends: int64, ascending.
    """

    buffer: Bytes
    starts: Ints
    ends: Ints

    @staticmethod
    def of(payloads: Sequence[bytes]) -> Messages:
        """From single messages, as the server sent them."""
        lengths = np.fromiter(map(len, payloads), np.int64, len(payloads))
        ends = np.cumsum(lengths)
        return Messages.inside(b"".join(payloads), ends - lengths, ends)

    @staticmethod
    def inside(data: bytes | bytearray, starts: Ints, ends: Ints) -> Messages:
        """Messages with something else between them."""
        if len(data) > _MOST_BYTES:
            raise ValueError(f"{len(data)} bytes of messages do not fit one buffer")
        return Messages(np.frombuffer(data + _PADDING, np.uint8), starts, ends)

    @property
    def count(self) -> int:
        return len(self.starts)

    @property
    def kinds(self) -> Bytes:
        """The first byte of each."""
        return self.buffer[self.starts]

    def part(self, start: int, stop: int) -> Messages:
        """Messages start to stop - 1, in the same buffer."""
        return Messages(self.buffer, self.starts[start:stop], self.ends[start:stop])

    def chosen(self, which: Mask | Ints) -> Messages:
        return Messages(self.buffer, self.starts[which], self.ends[which])

    def payload(self, index: int) -> bytes:
        return self.buffer[int(self.starts[index]) : int(self.ends[index])].tobytes()

    def block(self) -> tuple[bytes, Ints]:
        """The bytes from the first of these messages to the last, and where each one lies there:
        two rows, starts and ends."""
        if not self.count:
            return b"", np.zeros((2, 0), np.int64)
        first = self.starts[0]
        data = self.buffer[int(first) : int(self.ends[-1])].tobytes()
        return data, np.stack([self.starts - first, self.ends - first])

    @staticmethod
    def of_block(data: bytes, places: bytes) -> Messages:
        """What `block` gave, the places as bytes."""
        starts, ends = np.frombuffer(places, np.int64).reshape(2, -1)
        return Messages.inside(data, starts, ends)

    def u32(self, at: Ints) -> Ints:
        """Unsigned 32-bit numbers at these places."""
        return self._at(at, ">u4").astype(np.int64)

    def u64(self, at: Ints) -> Ints:
        """64-bit numbers at these places; positions in the log and times stay below 2^63."""
        return self._at(at, ">u8").astype(np.int64)

    def u16(self, at: Ints) -> Ints:
        return self._at(at, ">u2").astype(np.int64)

    def _at(self, at: Ints, kind: str) -> npt.NDArray[Any]:
        size = int(kind[-1])
        window = np.ndarray((len(self.buffer) - size + 1,), kind, self.buffer, 0, (1,))
        found: npt.NDArray[Any] = window[at]
        return found
