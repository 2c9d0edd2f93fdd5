"""Tables that two pipelines fill (pipelines.md 12.2, row 13)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from penstock.core.spec import PipelineSpec
from penstock.engine.task import StreamPlan
from penstock.store import Catalog


def shared_tables(
    catalog: Catalog,
    pipelines: Mapping[str, PipelineSpec],
    pipeline: str,
    plans: Iterable[StreamPlan],
) -> Iterator[tuple[str, str]]:
    """Objects of a pipeline whose table another pipeline fills too, with a warning of it.

    That is so for objects of one name, under one prefix, in one destination.
    """
    mine = pipelines[pipeline]
    place = mine.destination, mine.destination_prefix
    others = [
        name
        for name, spec in pipelines.items()
        if name != pipeline and (spec.destination, spec.destination_prefix) == place
    ]
    filled = {other: catalog.mappings.load(other) for other in others}
    for plan in plans:
        for other in others:
            known = filled[other].get(plan.event_type)
            if known and pipelines[other].objects.takes(plan.stream.name):
                yield plan.stream.name, _told(known.table, other)


def _told(table: str, other: str) -> str:
    return (
        f"The table {table} is filled by the pipeline {other} too: rows of both mix in it, and "
        "each flags as deleted what only the other has. Set destination_prefix to keep them apart."
    )
