"""Bytes as hexadecimal digits, a whole column at once: Arrow has no function for it."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

_DIGITS: Final = np.frombuffer(b"0123456789abcdef", np.uint8)
_PAIRS: Final = np.stack([_DIGITS[np.arange(256) >> 4], _DIGITS[np.arange(256) & 15]], axis=1)
# Where the digits of a UUID stand among its dashes.
_DASHES: Final = (8, 13, 18, 23)
_PLACES: Final = np.array([at for at in range(36) if at not in _DASHES])


def hexed(values: pa.BinaryArray) -> pa.BinaryArray:
    """Two digits for each byte."""
    _, offsets, data = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    raw = np.frombuffer(data or b"", np.uint8)[ends[0] : ends[-1]]
    pairs = _PAIRS[raw].tobytes()
    moved = ((ends.astype(np.int64) - ends[0]) * 2).astype(np.int32)
    return _binary(values, moved, pairs)


def uuids(values: pa.FixedSizeBinaryArray) -> pa.BinaryArray:
    """The usual form of UUIDs: 36 characters."""
    raw = np.frombuffer(values.buffers()[1] or b"", np.uint8)
    raw = raw[values.offset * 16 : (values.offset + len(values)) * 16].reshape(-1, 16)
    text = np.full((len(values), 36), ord("-"), np.uint8)
    text[:, _PLACES] = _PAIRS[raw].reshape(-1, 32)
    return _binary(values, np.arange(len(values) + 1, dtype=np.int32) * 36, text.tobytes())


def _binary(like: pa.Array, offsets: np.ndarray, data: bytes) -> pa.BinaryArray:
    """Values of these bytes, null where the other array is."""
    valid = like.is_valid().buffers()[1] if like.null_count else None
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(like), buffers)
