"""JSON_STRINGS: every object and array becomes one compact JSON text (pipelines.md 8.2)."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import to_text
from penstock.core.types import is_json
from penstock.nested.reading import compact


def column(array: pa.Array) -> pa.StringArray:
    """The column as text: order of keys and every digit as received; JSON null is null."""
    if not is_json(array.type):
        return to_text.as_json(array).storage
    texts = compact(array.storage)
    return pc.if_else(pc.equal(texts, "null"), pa.scalar(None, pa.string()), texts)
