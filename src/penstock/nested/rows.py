"""Rows of events: some of them, one slice after the other, and made of columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pyarrow as pa

from penstock.core.events import Events

_MOST_ROWS: Final = 5_000
_MOST_BYTES: Final = 8_000_000
"""Rows, and bytes of them, that are taken apart at once: their values are objects meanwhile."""


def slices(events: Events) -> Iterator[Events]:
    """The events in pieces that fit into memory as objects; one at least."""
    total = events.rows.num_rows
    step = min(_MOST_ROWS, total * _MOST_BYTES // max(events.rows.nbytes, 1))
    step = max(step, 1)
    if total <= step:
        yield events
        return
    for start in range(0, total, step):
        nulls = {name: marks.slice(start, step) for name, marks in events.nulls.items()}
        rows, origin = events.rows.slice(start, step), events.origin.slice(start, step)
        yield Events(events.name, events.keys, rows, origin, nulls)


def only(events: Events, there: pa.BooleanArray) -> Events:
    """The events that are marked."""
    nulls = {name: marks.filter(there) for name, marks in events.nulls.items()}
    rows, origin = events.rows.filter(there), events.origin.filter(there)
    return Events(events.name, events.keys, rows, origin, nulls)


def batch(arrays: Mapping[str, pa.Array], total: int) -> pa.RecordBatch:
    """Columns by name as rows, of which there are so many even without a column."""
    if not arrays:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * total, pa.struct([])))
    schema = pa.schema([pa.field(name, array.type) for name, array in arrays.items()])
    return pa.RecordBatch.from_arrays(list(arrays.values()), schema=schema)
