"""Deletes of a log that a script could not take, for they have their key and no other field."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.batch import Batch
from penstock.engine.changes import Changes
from penstock.engine.mappers import key_fields
from penstock.engine.task import StreamPlan, Task
from penstock.transforms.events import Events, Transformed


def with_plain_deletes(
    task: Task, plan: StreamPlan, batch: Batch, changes: Changes, done: Transformed
) -> Transformed:
    """What was made, with such deletes where rows with their key went before.

    That is every event type of the stream whose rows all had the key of the row that they came
    from; where there is none, the deletes stay refused.
    """
    lost = [
        item
        for item in done.refused
        if item.sub_code == "TRANSFORM_EXCEPTION" and changes.op[item.row].as_py() == "D"
    ]
    made = _deletes(task, plan, batch, [item.row for item in lost]) if lost else []
    if not made:
        return done
    outputs = list(done.outputs)
    for events in made:
        at = next((n for n, o in enumerate(outputs) if _alike(o, events)), None)
        if at is None:
            outputs.append(events)
        else:
            outputs[at] = _merged(outputs[at], events)
    refused = tuple(item for item in done.refused if item not in lost)
    created = done.created + len(lost) * (len(made) - 1)
    return replace(done, outputs=tuple(outputs), refused=refused, created=created)


def _deletes(task: Task, plan: StreamPlan, batch: Batch, rows: list[int]) -> list[Events]:
    """The deletes as events of each event type, with the fields of its key alone."""
    assert batch.rows is not None
    if not plan.key or not {*plan.key} <= {*batch.rows.schema.names}:
        return []
    origin = pa.array(rows, pa.int32())
    keys = batch.rows.select(list(plan.key)).take(origin)
    found = []
    for event_type, kept in task.memory.event_types().get(plan.stream.name, {}).items():
        mapping = task.memory.mapping(event_type)
        if kept and mapping is not None and len(mapping.key) == len(plan.key):
            names = key_fields(mapping)
            found.append(Events(event_type, names, keys.rename_columns(list(names)), origin))
    return found


def _alike(one: Events, other: Events) -> bool:
    return (one.name, one.keys) == (other.name, other.keys)


def _merged(one: Events, other: Events) -> Events:
    """Events of both, in the order of their rows: a delete may be followed by an insert."""
    tables = [pa.Table.from_batches([events.rows]) for events in (one, other)]
    origin = pa.concat_arrays([one.origin, other.origin])
    order = pc.sort_indices(origin)
    table = pa.concat_tables(tables, promote_options="permissive").take(order).combine_chunks()
    unset = pa.repeat(pa.scalar(False), len(other.origin))
    nulls = {n: pa.concat_arrays([mask, unset]).take(order) for n, mask in one.nulls.items()}
    return Events(one.name, one.keys, table.to_batches()[0], origin.take(order), nulls)
