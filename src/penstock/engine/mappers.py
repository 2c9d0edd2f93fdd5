"""The mappers of one split: one for each event type, made when its first rows come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from penstock.core import metadata
from penstock.core.batch import Batch
from penstock.core.errors import ConfigError
from penstock.core.load import WriteMode, part_name
from penstock.core.mapping import Mapping
from penstock.engine.mapping import Mapped, Mapper, unmapped
from penstock.engine.task import StreamPlan, Task


class Mappers:
    """Maps batches of several streams, each event type by a mapper of its own.

    Without a transformation every stream is one event type, whose table is known before a row
    comes. What a transformation makes is known only then.
    """

    def __init__(self, task: Task, streams: Sequence[str]) -> None:
        self._task = task
        self.shaping = task.transformer is not None
        self._made: dict[str, tuple[StreamPlan, Mapper]] = {}
        for stream in () if self.shaping else streams:
            plan = task.plans[stream]
            self._made[stream] = plan, Mapper(task, plan)
            task.states[stream].table = self._made[stream][1].mapping.table

    def map(self, batch: Batch) -> Mapped:
        """One batch; one that speaks of no stream, or has no rows of an event type without a
        table, has nothing to map."""
        if not batch.stream:
            return Mapped(batch, None, None, ())
        stream = self._task.plans[batch.stream]
        event_type = batch.event_type or stream.event_type
        made = self._made.get(part_name(batch.stream, event_type))
        if made is None and self._is_due(batch, event_type):
            made = self._make(stream, event_type, stream.key if batch.keys is None else batch.keys)
        return unmapped(batch) if made is None else made[1].map(batch)

    def of(self, stream: str, event_type: str) -> tuple[StreamPlan, Mapper | None]:
        """How an event type goes to its table; no mapper while it has none."""
        plan = self._task.plans[stream]
        made = self._made.get(part_name(stream, event_type))
        if made is not None:
            return made
        return event_type_plan(self._task, plan, event_type, plan.key), None

    def with_tables(self, stream: str) -> list[str]:
        """The event types of a stream that have tables of their own, as far as they are known."""
        plan = self._task.plans[stream]
        if not self.shaping:
            return [plan.event_type]
        found = []
        for mapping in tables_of(self._task, stream):
            if part_name(stream, mapping.event_type) not in self._made:
                self._make(plan, mapping.event_type, key_fields(mapping))
            found.append(mapping.event_type)
        return found

    def save(self) -> None:
        """Keep the mappings before the first package that needs them is closed."""
        for _, mapper in self._made.values():
            mapper.save()

    def _is_due(self, batch: Batch, event_type: str) -> bool:
        """Whether the batch needs the table: for rows, or for those that are gone."""
        if batch.num_rows:
            return True
        ends = batch.full_pass is not None and batch.full_pass.ended
        known = self._task.memory.mapping(event_type) is not None
        return known and (ends or batch.children is not None)

    def _make(
        self, stream: StreamPlan, event_type: str, key: tuple[str, ...]
    ) -> tuple[StreamPlan, Mapper]:
        plan = event_type_plan(self._task, stream, event_type, key)
        mapper = Mapper(self._task, plan)
        # A table keeps the key that it was made with, whatever the events say.
        plan = replace(plan, mode=_mode(plan, mapper.mapping.key))
        self._made[part_name(stream.stream.name, event_type)] = plan, mapper
        state = self._task.states[stream.stream.name]
        others = state.event_type != stream.event_type
        if not state.table or (others and event_type == stream.event_type):
            state.table, state.event_type = mapper.mapping.table, event_type
        return plan, mapper


def event_type_plan(
    task: Task, plan: StreamPlan, event_type: str, key: tuple[str, ...]
) -> StreamPlan:
    """How events of a type that a transformation makes of a stream are loaded.

    What fields they have is for the rows to say. A table that several streams fill is not built
    anew, since none of them has all of its rows.
    """
    if task.transformer is None and event_type == plan.event_type:
        return plan
    shared = task.transformer is not None and is_shared(task, event_type)
    stream = replace(plan.stream, schema=pa.schema([]))
    if key == metadata.CHILD_KEY:
        # Children of nested data, which go with their arrays whatever the source tells of deletes.
        stream = replace(stream, ours=stream.ours.union(key), reports_deletes=True)
    return replace(
        plan,
        stream=stream,
        event_type=event_type,
        key=key,
        mode=_mode(plan, key),
        generation=plan.published if shared else plan.generation,
    )


def is_shared(task: Task, event_type: str) -> bool:
    """Whether several streams have events of this type."""
    made = task.memory.event_types()
    makers = {stream for stream, types in made.items() if event_type in types}
    makers |= {name for name, plan in task.plans.items() if plan.event_type == event_type}
    return len(makers) > 1


def note_event_type(task: Task, stream: str, event_type: str, *, key_kept: bool) -> None:
    """Keep that the stream has events of this type.

    Raises:
        ConfigError: another stream has them too, and one of both is being built anew: what was
            read so far lies in a table that nobody will see. Both begin anew with the next job.
    """
    with task.naming:
        known = task.memory.event_types().get(stream, {})
        if known.get(event_type) is not None and (key_kept or not known[event_type]):
            return
        before = is_shared(task, event_type)
        task.memory.note_event_type(stream, event_type, key_kept and known.get(event_type, True))
        if before or not is_shared(task, event_type):
            return
        made = task.memory.event_types()
        makers = {name for name, types in made.items() if event_type in types} | {stream}
        building = [n for n in sorted(makers) if n in task.plans and task.plans[n].rebuilding]
        for name in building:
            task.memory.reload_again(name)
    if building:
        raise ConfigError(
            f"Several objects have events of type {event_type} now, whose table is being built "
            "anew by one of them.",
            hint="Run again: the reload begins anew, and rows of this type are merged into the "
            "table that there is.",
            code="transform.shared_table",
            objects=", ".join(sorted(makers)),
        )


def tables_of(task: Task, stream: str) -> Iterator[Mapping]:
    """Mappings of all event types of a stream that have tables of their own, and are loaded."""
    plan = task.plans[stream]
    names = {plan.event_type: None}
    if task.transformer is not None:
        names |= dict.fromkeys(task.memory.event_types().get(stream, {}))
        names = {name: None for name in names if not is_shared(task, name)}
    for name in names:
        mapping = task.memory.mapping(name)
        if mapping is not None and mapping.target:
            yield mapping


def key_fields(mapping: Mapping) -> tuple[str, ...]:
    """The fields behind the columns of a mapping's key."""
    fields = {column.name: column.field for column in mapping.columns}
    return tuple(fields.get(name, name) for name in mapping.key)


def _mode(plan: StreamPlan, key: Sequence[str]) -> WriteMode:
    return (plan.wanted or plan.mode) if key else WriteMode.APPEND
