"""Texts in parts."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

MOST_PARTS = 100
"""Parts past this stay together in the last one."""


def split(
    texts: pa.StringArray,
    delimiter: str,
    *,
    regex: bool = False,
    limit: int | None = None,
    trim: bool = False,
) -> pa.ListArray:
    """The parts of each text; one part where the delimiter is absent."""
    most = min(limit or MOST_PARTS, MOST_PARTS) - 1
    if most == 0:
        parts = _whole(texts)
    elif regex:
        parts = pc.split_pattern_regex(texts, delimiter, max_splits=most)
    else:
        parts = pc.split_pattern(texts, delimiter, max_splits=most)
    return _trimmed(parts) if trim else parts


def _whole(texts: pa.StringArray) -> pa.ListArray:
    offsets = pa.array(range(len(texts) + 1), pa.int32())
    return pc.if_else(
        texts.is_valid(),
        pa.ListArray.from_arrays(offsets, texts),
        pa.scalar(None, pa.list_(pa.string())),
    )


def _trimmed(parts: pa.ListArray) -> pa.ListArray:
    inside = pc.utf8_trim_whitespace(parts.values)
    return pa.ListArray.from_arrays(parts.offsets, inside, mask=parts.is_null())
