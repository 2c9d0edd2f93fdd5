"""Slices of a batch, shaped one by one, as one again."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from penstock.core.events import Events, Refused
from penstock.core.events import joined as joined_events
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
        tuple(joined_events(same, _column) for same in by_name.values()),
        pa.concat_arrays([refs_of(part.outputs[0]) for part in parts]) if children else None,
        tuple(_counted(parts, *one) for one in sorted(children)),
        {new: old for part in parts for new, old in part.sources.items()},
        _refused(parts, sizes),
        sum(part.created for part in parts),
    )


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
