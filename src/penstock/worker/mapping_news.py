"""What the activity log says of a mapping that changed by itself (pipelines.md 12.9, 17)."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.core.mapping import Column, Mapping
from penstock.core.records import Activity, Severity
from penstock.core.types import Logical, logical, logical_name


def mapping_news(pipeline: str, before: Mapping | None, after: Mapping) -> Iterator[Activity]:
    """One entry for each column whose type was promoted, one for all columns that are new.

    The first mapping of an event type is no news: its table is made with it.
    """
    if before is None:
        return
    known = {column.field: column for column in before.columns}
    for column in after.columns:
        old = known.get(column.field)
        if old is not None and _is_promoted(old, column):
            yield _promoted(pipeline, after, old, column)
    new = [column for column in after.columns if column.field not in known]
    if new:
        yield _added(pipeline, after, new)


def _is_promoted(old: Column, new: Column) -> bool:
    """A column that held only nulls so far takes its first type: that is no promotion."""
    return logical(old.type) is not Logical.UNKNOWN and logical_name(old.type) != logical_name(
        new.type
    )


def _promoted(pipeline: str, mapping: Mapping, old: Column, new: Column) -> Activity:
    kinds = {"before": logical_name(old.type), "after": logical_name(new.type)}
    return Activity(
        severity=Severity.MEDIUM,
        action="mapping.promoted",
        summary=f"{mapping.table}.{new.name} was {kinds['before']} and is {kinds['after']} now.",
        pipeline=pipeline,
        details={
            "event_type": mapping.event_type,
            "field": new.field,
            "table": mapping.table,
            "column": new.name,
            **kinds,
        },
    )


def _added(pipeline: str, mapping: Mapping, new: list[Column]) -> Activity:
    names = ", ".join(column.name for column in new)
    return Activity(
        severity=Severity.MEDIUM,
        action="mapping.columns_added",
        summary=f"{mapping.table} has new columns: {names}.",
        pipeline=pipeline,
        details={
            "event_type": mapping.event_type,
            "table": mapping.table,
            "columns": {column.name: logical_name(column.type) for column in new},
        },
    )
