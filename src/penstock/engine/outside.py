"""What users did to the tables of a pipeline since its last job (pipelines.md 12.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa

from penstock.core.mapping import Column, Left, Mapping
from penstock.core.types import logical_name
from penstock.engine.task import StreamPlan, Task
from penstock.mapper.actions import unmapped

TABLE_GONE: Final = "its table was dropped in the destination"
COLUMN_GONE: Final = "its column was dropped in the destination"


@dataclass(frozen=True)
class Outside:
    """One change that was made behind our back, in words."""

    object: str
    event_type: str
    table: str
    text: str


def settle_tables(task: Task, loaded: Collection[str]) -> Iterator[Outside]:
    """Bring mappings to the tables as they are, before anything is read.

    With auto mapping what is gone is made again by the next load. Without it, an event type whose
    table is gone is unmapped, a field whose column is gone is not loaded, and values are
    converted to the type that a column has now. Columns that were added are left alone.

    Args:
        loaded: tables that the destination's ledger knows: they were there.
    """
    for plan in task.plans.values():
        for name in _event_types(task, plan):
            mapping = task.memory.mapping(name)
            # A new table is being filled beside this one, and takes its place.
            if mapping is not None and mapping.target and not plan.rebuilding:
                yield from _settle(task, plan, mapping, loaded)


def _event_types(task: Task, plan: StreamPlan) -> list[str]:
    made = task.memory.event_types() if task.transformer is not None else {}
    return list(dict.fromkeys((plan.event_type, *made.get(plan.stream.name, ()))))


def _settle(
    task: Task, plan: StreamPlan, mapping: Mapping, loaded: Collection[str]
) -> Iterator[Outside]:
    columns = task.destination.describe(mapping.table)
    auto = mapping.is_auto(task.auto_mapping)
    found = Outside(plan.stream.name, mapping.event_type, mapping.table, "")
    if columns is None:
        if mapping.table not in loaded:
            return  # It is still to be made.
        if auto:
            text = f"The table {mapping.table} was dropped in the destination; it is made again."
            yield replace(found, text=text)
        else:
            task.memory.save_mapping(unmapped(mapping, TABLE_GONE))
            yield replace(found, text=_lost(mapping, f"the table {mapping.table} was dropped"))
        return
    if auto:
        return
    gone = [c for c in mapping.columns if c.name not in columns.names and c.type.type != pa.null()]
    if any(column.name in mapping.key for column in gone):
        task.memory.save_mapping(unmapped(mapping, TABLE_GONE))
        yield replace(found, text=_lost(mapping, f"a column of its key in {mapping.table} is gone"))
        return
    after = mapping.leaving(*(Left(c.field, c.type.type, COLUMN_GONE) for c in gone))
    for column in gone:
        text = f"The column {column.name} of {mapping.table} was dropped in the destination"
        yield replace(found, text=f"{text}: {column.field} is not loaded.")
    other = list(_of_other_types(task, plan, after, columns))
    for column, now in other:
        before = logical_name(column.type)
        text = f"The column {column.name} of {mapping.table} was {before} and is {now} now"
        yield replace(found, text=f"{text}: values are converted, and fail where they do not fit.")
    after = _with_types(after, columns, {column.name for column, _ in other})
    if after is not mapping:
        task.memory.save_mapping(after)


def _lost(mapping: Mapping, what: str) -> str:
    return (
        f"{mapping.event_type} is unmapped: {what} in the destination, and auto mapping is off. "
        "Its events wait until it is mapped again."
    )


def _of_other_types(
    task: Task, plan: StreamPlan, mapping: Mapping, columns: pa.Schema
) -> Iterator[tuple[Column, str]]:
    """Columns that the table would have to change for, and what they are there."""
    there = [c for c in mapping.columns if c.name in columns.names and c.type.type != pa.null()]
    kept = _changes(task, plan, mapping, [columns.field(c.name) for c in there])
    if _changes(task, plan, mapping, [c.type for c in there]) == kept:
        return
    for column in there:
        one = [c.type if c is column else columns.field(c.name) for c in there]
        if _changes(task, plan, mapping, one) != kept:
            yield column, logical_name(columns.field(column.name))


def _changes(task: Task, plan: StreamPlan, mapping: Mapping, fields: list[pa.Field]) -> list[str]:
    return task.destination.changes(mapping.table, pa.schema(fields), mapping.key, mode=plan.mode)


def _with_types(mapping: Mapping, columns: pa.Schema, changed: Collection[str]) -> Mapping:
    if not changed:
        return mapping
    return mapping.with_columns(
        tuple(
            replace(c, type=c.type.with_type(columns.field(c.name).type))
            if c.name in changed
            else c
            for c in mapping.columns
        )
    )
