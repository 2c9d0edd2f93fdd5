"""The journal of an open package: what a later job needs to close it, should this one die.

One file of records that is only added to. A record is a header (mark, lengths, checksum), a
state in JSON, and blobs. It counts when it is there to its last byte, and all before it are; a
crash of the process loses none, one of the machine perhaps the last.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

JOURNAL: Final = "journal"
_HEADER: Final = struct.Struct("<4sIQI")
_MARK: Final = b"psj1"


@dataclass(frozen=True)
class Record:
    """One record as it was found.

    Args:
        state: of the whole package after this record.
        blobs: where the bytes lie that came since the record before it: offset and length.
    """

    state: dict[str, Any]
    blobs: tuple[tuple[int, int], ...]


class Journal:
    """Written by the reader of one split."""

    def __init__(self, building: Path) -> None:
        self._path = building / JOURNAL
        self._file: int | None = None
        self.records = 0

    def add(self, state: dict[str, Any], blobs: Sequence[Any]) -> None:
        """One record, in one write. `blobs` are buffers."""
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        text = json.dumps({**state, "blobs": [len(blob) for blob in blobs]}).encode()
        checksum = zlib.crc32(text)
        for blob in blobs:
            checksum = zlib.crc32(blob, checksum)
        header = _HEADER.pack(_MARK, len(text), sum(map(len, blobs)), checksum)
        _write(self._file, b"".join((header, text, *blobs)))
        self.records += 1

    def close(self) -> None:
        """Once more does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def records(building: Path) -> Iterator[Record]:
    """Whole records, from the first on; what follows a torn one is none."""
    with suppress(FileNotFoundError), (building / JOURNAL).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while len(header := file.read(_HEADER.size)) == _HEADER.size:
            mark, of_text, of_blobs, checksum = _HEADER.unpack(header)
            if mark != _MARK or of_text + of_blobs > size - file.tell():
                return
            text, at = file.read(of_text), file.tell()
            if zlib.crc32(file.read(of_blobs), zlib.crc32(text)) != checksum:
                return
            state = json.loads(text)
            lengths = state.pop("blobs")
            starts = accumulate(lengths, initial=at)
            yield Record(state, tuple(zip(starts, lengths, strict=False)))


def blob(building: Path, place: tuple[int, int]) -> bytes:
    """The bytes of a blob."""
    with (building / JOURNAL).open("rb") as file:
        file.seek(place[0])
        return file.read(place[1])
