"""Tables that two pipelines fill (pipelines.md 12.2, row 13)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from penstock.core.spec import PipelineSpec
from penstock.engine.task import StreamPlan
from penstock.store import Catalog

_NAMED = 3


def shared_tables(
    catalog: Catalog,
    pipelines: Mapping[str, PipelineSpec],
    pipeline: str,
    plans: Iterable[StreamPlan],
) -> Iterator[str]:
    """A warning for each other pipeline that fills tables of this one.

    These are objects of one name, under one prefix, in one destination.
    """
    mine = pipelines[pipeline]
    place = mine.destination, mine.destination_prefix
    names = [plan.event_type for plan in plans]
    for other, spec in pipelines.items():
        if other == pipeline or (spec.destination, spec.destination_prefix) != place:
            continue
        filled = catalog.mappings.load(other)
        shared = [n for n in names if n in filled and spec.objects.takes(n)]
        tables = [filled[n].table for n in shared if filled[n].table]
        if tables:
            yield _told(tables, other)


def _told(tables: Sequence[str], other: str) -> str:
    more = f" and {len(tables) - _NAMED} more" if len(tables) > _NAMED else ""
    return (
        f"The pipeline {other} fills tables of this one too: {', '.join(tables[:_NAMED])}{more}. "
        "Rows of both mix in them, and each flags as deleted what only the other has. Set "
        "destination_prefix to keep them apart."
    )
