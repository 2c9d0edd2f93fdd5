"""What children are known by: the key of their root."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import metadata, to_text
from penstock.core.events import Events


def key_of(events: Events) -> tuple[str, ...]:
    """Fields whose values tell the event; empty when nothing does."""
    if events.keys:
        return events.keys
    return metadata.GENERATED_KEY if metadata.ID in events.rows.schema.names else ()


def refs_of(events: Events) -> pa.StringArray:
    """`_ps_ref_id` of the children of each row: the values of its key joined by colons.

    Null where a part of the key is, and for events without a key.
    """
    total, names = events.rows.num_rows, events.rows.schema.names
    texts = [
        to_text.as_text(events.rows.column(name)) if name in names else pa.nulls(total, pa.string())
        for name in key_of(events)
    ]
    if not texts:
        return pa.nulls(total, pa.string())
    return texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, ":")
