"""U+0000 cannot be stored in PostgreSQL: U+FFFD stands for it."""

from __future__ import annotations

import struct
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

REPLACEMENT: Final = "\ufffd"
_PIECE: Final = 1 << 20
_ESCAPED: Final = b"\\u0000"
# An even number of backslashes before it would make it the text "\\u0000".
_PATTERN: Final = r"(^|[^\\])((?:\\\\)*)\\u0000"


def without_nul(text: pa.StringArray, *, json: bool) -> pa.StringArray:
    """The same column when there is nothing to replace; in JSON the escaped form counts too."""
    data = _data(text)
    if _holds(data, b"\0"):
        text = pc.replace_substring(text, "\0", REPLACEMENT)
    if json and _holds(data, _ESCAPED):
        # Twice: a match takes the character before it, which may end the match before.
        for _ in range(2):
            text = pc.replace_substring_regex(text, _PATTERN, r"\1\2" + REPLACEMENT)
    return text


def _holds(data: memoryview, wanted: bytes) -> bool:
    """Piece by piece, since a search needs a copy; pieces overlap by what may lie across."""
    return any(
        bytes(data[at : at + _PIECE + len(wanted) - 1]).find(wanted) >= 0
        for at in range(0, len(data), _PIECE)
    )


def _data(text: pa.StringArray) -> memoryview:
    """The bytes of all values: searched at once, this is many times faster than each by each."""
    _, offsets, data = text.buffers()
    if data is None or not len(text):
        return memoryview(b"")
    start, end = (
        struct.unpack_from("=i", offsets, 4 * at)[0]
        for at in (text.offset, text.offset + len(text))
    )
    return memoryview(data)[start:end]
