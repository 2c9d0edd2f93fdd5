"""Text that holds JSON, read value by value: only the parser knows whether it is JSON."""

from __future__ import annotations

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.reading import from_json


def parsed(texts: pa.StringArray) -> tuple[Column, Mask]:
    """The values that the texts hold, null set for blank ones; and the texts that are no JSON.

    Of equal keys the last counts. Fractions become floats, as everywhere.
    """
    blank = masks.certain(pc.equal(pc.utf8_trim_whitespace(texts), ""))
    compact = [None if text is None else _compact(text) for text in texts.to_pylist()]
    made = pa.array(compact, pa.string())
    bad = masks.minus(masks.minus(texts.is_valid(), blank), made.is_valid())
    column = from_json(made)
    return Column(column.rows, column.parts, masks.either(column.null, blank)), bad


def _compact(text: str) -> str | None:
    try:
        return msgspec.json.encode(msgspec.json.decode(text)).decode()
    except (msgspec.DecodeError, RecursionError):
        return None
