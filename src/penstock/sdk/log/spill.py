"""A transaction that is still open, kept on disk until it is known how it ends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import Final

_BLOCK: Final = Struct("<QQ")


class Spill:
    """Blocks of bytes in a file without a name: a crash leaves nothing behind.

    Args:
        folder: where the file lies; None is the system's folder for temporary files.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed by `close`)
        self.bytes = 0

    def append(self, data: bytes, index: bytes) -> None:
        """One block: the data, and what is needed to find one's way in it."""
        self._file.write(_BLOCK.pack(len(data), len(index)))
        self._file.write(index)
        self._file.write(data)
        self.bytes += len(data)

    def blocks(self) -> Iterator[tuple[bytes, bytes]]:
        """(data, index) in the order they were written."""
        self._file.seek(0)
        while head := self._file.read(_BLOCK.size):
            size, index_size = _BLOCK.unpack(head)
            index = self._file.read(index_size)
            yield self._file.read(size), index

    def close(self) -> None:
        self._file.close()
