"""Slices of a batch, shaped one by one, as one again."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from penstock.core.events import Events, Refused
from penstock.nested.refs import refs_of
from penstock.nested.shaped import Children, Shaped
from penstock.nested.wider import cast, wider


def joined(parts: Sequence[Shaped], sizes: Sequence[int]) -> Shaped:
    """All slices, in order; `Refused.row` counts over them.

    Args:
        sizes: rows of the input of each slice.
    """
    if len(parts) == 1:
        return parts[0]
    by_name: dict[str, list[Events]] = {}
    for part in parts:
        for events in part.outputs:
            by_name.setdefault(events.name, []).append(events)
    # A child event type that only a later slice knows has no children in the earlier ones.
    children = {(one.event_type, one.field) for part in parts for one in part.children}
    return Shaped(
        tuple(_one(same) for same in by_name.values()),
        pa.concat_arrays([refs_of(part.outputs[0]) for part in parts]) if children else None,
        tuple(_counted(parts, *one) for one in sorted(children)),
        {new: old for part in parts for new, old in part.sources.items()},
        _refused(parts, sizes),
        sum(part.created for part in parts),
    )


def _one(parts: list[Events]) -> Events:
    """The same event type of several slices; fields in order of first appearance."""
    if len(parts) == 1:
        return parts[0]
    names = list(dict.fromkeys(name for part in parts for name in part.rows.schema.names))
    columns = [_column([_field(part, name) for part in parts]) for name in names]
    marked = [name for name in names if any(name in part.nulls for part in parts)]
    nulls = {name: pa.concat_arrays([_marks(part, name) for part in parts]) for name in marked}
    origin = pa.concat_arrays([part.origin for part in parts])
    rows = pa.RecordBatch.from_arrays(columns, names=names) if names else _rows_only(parts)
    return Events(parts[0].name, parts[0].keys, rows, origin, nulls)


def _rows_only(parts: list[Events]) -> pa.RecordBatch:
    """Rows without any field."""
    count = sum(part.rows.num_rows for part in parts)
    return pa.RecordBatch.from_struct_array(pa.array([{}] * count, pa.struct([])))


def _field(part: Events, name: str) -> pa.Array:
    at = part.rows.schema.get_field_index(name)
    return part.rows.column(at) if at >= 0 else pa.nulls(part.rows.num_rows)


def _marks(part: Events, name: str) -> pa.Array:
    marks = part.nulls.get(name)
    return pa.repeat(pa.scalar(False), part.rows.num_rows) if marks is None else marks


def _column(parts: list[pa.Array]) -> pa.Array:
    target = pa.null()
    for part in parts:
        target = wider(target, part.type)
    return pa.concat_arrays([cast(part, target) for part in parts])


def _counted(parts: Sequence[Shaped], event_type: str, field: str) -> Children:
    counts = []
    for part in parts:
        known = [one.counts for one in part.children if one.event_type == event_type]
        none = pa.repeat(pa.scalar(0, pa.int32()), part.outputs[0].rows.num_rows)
        counts.append(known[0] if known else none)
    return Children(event_type, field, pa.concat_arrays(counts))


def _refused(parts: Sequence[Shaped], sizes: Sequence[int]) -> tuple[Refused, ...]:
    told, first = [], 0
    for part, size in zip(parts, sizes, strict=True):
        told += [
            Refused(one.row + first, one.code, one.sub_code, one.reason) for one in part.refused
        ]
        first += size
    return tuple(told)
