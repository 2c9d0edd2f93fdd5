"""The Schema Mapper as a service: look at mappings, plan changes, carry them out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Dict
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from penstock.control.mapping_file import read_mapping
from penstock.control.workspace import Workspace
from penstock.core.compress import Measure
from penstock.core.errors import ConfigError
from penstock.core.load import WriteMode
from penstock.core.mapping import Mapping
from penstock.core.metadata import GENERATED_KEY, INGESTED_AT, RESERVED_COLUMNS
from penstock.core.naming import NameStyle
from penstock.engine.evolving import system_fields
from penstock.engine.naming import TableNames
from penstock.engine.task import StreamPlan, Task
from penstock.mapper.actions import Acted, Action, act
from penstock.mapper.applying import Around, Edited, applied, differences
from penstock.mapper.findings import Finding, finding
from penstock.mapper.limits import Limits
from penstock.mapper.proposals import Place, proposed
from penstock.sdk.destination import Destination
from penstock.store import Catalog
from penstock.worker.catalog import opened
from penstock.worker.look import trial
from penstock.worker.mapper_save import Saved, save
from penstock.worker.setup import opened_ends


@dataclass(frozen=True)
class Overview:
    """One event type in a list."""

    event_type: str
    table: str
    status: str
    auto_mapping: bool
    fields: int
    """That have a column."""
    unmapped: int
    """That have none, although nobody said that they should not."""
    ignored: int
    updated_at: int


@dataclass(frozen=True)
class PlannedChange:
    """What would happen to one event type: words for people, and the statements that would run."""

    edited: Edited
    differences: tuple[str, ...]
    statements: tuple[str, ...]
    also: tuple[str, ...] = ()
    """Who else fills the table: event types of this pipeline and of others to the destination."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.edited.findings

    def to_plain(self) -> dict[str, Any]:
        return {
            "event_type": self.edited.after.event_type,
            "table": self.edited.after.table or None,
            "changes": list(self.differences),
            "statements": list(self.statements),
            "findings": [item.sentence for item in self.findings],
            "also_filled_by": list(self.also),
        }


@dataclass(frozen=True)
class Plan:
    """Changes of mappings that nobody has carried out yet."""

    pipeline: str
    changes: tuple[PlannedChange, ...] = ()
    refused: tuple[tuple[str, str], ...] = field(default=())
    """Event types that were named and cannot be changed, and why."""


def overview(workspace: Workspace, pipeline: str) -> list[Overview]:
    """All event types that were ever seen, by name."""
    spec = workspace.pipeline(pipeline)
    with opened(workspace) as catalog:
        found = catalog.mappings.load(pipeline) if catalog is not None else {}
        times = catalog.mappings.times(pipeline) if catalog is not None else {}
    return [
        Overview(
            name,
            mapping.table,
            mapping.status(spec.auto_mapping).value,
            mapping.is_auto(spec.auto_mapping),
            len(mapping.columns),
            sum(not item.ignored for item in mapping.left),
            sum(item.ignored for item in mapping.left),
            times[name],
        )
        for name, mapping in sorted(found.items())
    ]


def mappings(workspace: Workspace, pipeline: str) -> dict[str, Mapping]:
    """All mappings of a pipeline; none before its first run."""
    workspace.pipeline(pipeline)
    with opened(workspace) as catalog:
        return catalog.mappings.load(pipeline) if catalog is not None else {}


def plan_file(workspace: Workspace, pipeline: str, text: str, name: str) -> Plan:
    """What a mapping file would change.

    Raises:
        FileError: the file is wrong, with all places.
    """
    file = read_mapping(text, name, pipeline)
    with _surroundings(workspace, pipeline) as here:
        done = applied(file.content, here.mappings, here.around)
        file.refuse(done.faults)
        return Plan(pipeline, tuple(here.planned(edit) for edit in done.edited))


def plan_proposal(
    workspace: Workspace, pipeline: str, names: Sequence[str], table: str | None = None
) -> Plan:
    """A table for event types that have none, and a column for each field that waits for one.

    Args:
        table: an existing one, or the name of a new one; None takes the name that auto mapping
            would choose, or the table that the event type has.
    """
    with _surroundings(workspace, pipeline) as here:
        refused, changes = [], []
        for name in dict.fromkeys(names):
            before = here.mappings.get(name)
            why = _why_not(before, table)
            if before is None or why:
                refused.append((name, why))
                continue
            after = here.proposed(before, table)
            if after.columns != before.columns or after.table != before.table:
                changes.append(here.planned(Edited(before, after, _findings(before, after))))
            else:
                refused.append((name, "no field of it waits for a column"))
        return Plan(pipeline, tuple(changes), tuple(refused))


def _why_not(before: Mapping | None, table: str | None) -> str:
    if before is None:
        return "there is no such event type"
    if table and before.table and table != before.table:
        return f"it has the table {before.table}"
    return ""


def _findings(before: Mapping, after: Mapping) -> tuple[Finding, ...]:
    kinds = {item.field: item.type for item in before.left}
    return tuple(
        found
        for column in after.columns
        if column.field in kinds
        for found in finding(column.field, kinds[column.field], column.name, column.type)
    )


def carry_out(workspace: Workspace, plan: Plan) -> Saved:
    """Change the tables, save the mappings, queue what can be loaded now.

    Raises:
        ConfigError: a mapping was changed since the plan was made (code mapping.changed).
        TransientError: a job of the pipeline is running.
    """
    with _surroundings(workspace, plan.pipeline, locked=True) as here:
        assert here.catalog is not None
        for change in plan.changes:
            _check_unchanged(here.mappings, change.edited.before)
        for change in plan.changes:
            here.evolve(change.edited.after)
        edits = [change.edited for change in plan.changes]
        return save(here.catalog, plan.pipeline, edits, auto_mapping=here.around.auto_mapping)


def _check_unchanged(found: dict[str, Mapping], before: Mapping) -> None:
    if found.get(before.event_type) != before:
        raise ConfigError(
            f"The mapping of {before.event_type} was changed meanwhile.",
            hint="Look at it and decide again.",
            code="mapping.changed",
            event_type=before.event_type,
        )


def perform(
    workspace: Workspace, pipeline: str, action: Action, names: Iterable[str]
) -> tuple[Acted, Saved]:
    """An action on event types; `DELETE` also drops their tables. Others touch no destination."""
    spec = workspace.pipeline(pipeline)
    with opened(workspace) as catalog:
        if catalog is None or pipeline not in {item.name for item in catalog.pipelines.list()}:
            done = act(action, {}, names, auto_mapping=spec.auto_mapping)
            return done, Saved()
        with catalog.pipelines.lock(pipeline):
            known = catalog.mappings.load(pipeline)
            done = act(action, known, names, auto_mapping=spec.auto_mapping)
            if action is Action.DELETE and done.changed:
                with opened_ends(workspace, pipeline) as ends:
                    for after in done.changed:
                        ends.destination.drop(known[after.event_type].table)
            edits = [Edited(known[after.event_type], after) for after in done.changed]
            saved = save(
                catalog, pipeline, edits, auto_mapping=spec.auto_mapping, action=action.value
            )
    return done, saved


@dataclass(frozen=True)
class _Here:
    """A pipeline with its ends open."""

    catalog: Catalog | None
    destination: Destination
    task: Task
    plans: dict[str, StreamPlan]
    mappings: dict[str, Mapping]
    around: Around
    fillers: Dict[str, Sequence[str]]
    """Tables of the destination, and who fills them."""

    def planned(self, edit: Edited) -> PlannedChange:
        told = tuple(differences(edit, auto_mapping=self.around.auto_mapping))
        moved = edit.after.target and edit.after.table != edit.before.table
        also = self.fillers.get(edit.after.table, ()) if moved else ()
        return PlannedChange(edit, told, tuple(self._statements(edit.after)), tuple(also))

    def proposed(self, before: Mapping, table: str | None) -> Mapping:
        key = self.around.keys.get(before.event_type, ())
        name = table or before.table or TableNames(self.task, before.event_type).table()
        columns = self.around.describe(name)
        if columns is None and (why := self.around.limits.name_problem(name, "table")):
            raise ConfigError(f"{why[:1].upper()}{why[1:]}.", code="mapping.name")
        return proposed(before, Place(name, columns, key), self.around.limits)

    def evolve(self, mapping: Mapping) -> None:
        if mapping.table and not mapping.skipped:
            schema, mode, generation = self._wanted(mapping)
            self.destination.evolve(
                mapping.table, schema, mapping.key, mode=mode, generation=generation
            )

    def _statements(self, mapping: Mapping) -> list[str]:
        if not mapping.table or mapping.skipped:
            return []
        schema, mode, generation = self._wanted(mapping)
        return self.destination.changes(
            mapping.table, schema, mapping.key, mode=mode, generation=generation
        )

    def _wanted(self, mapping: Mapping) -> tuple[pa.Schema, WriteMode, int]:
        plan = self.plans.get(mapping.event_type)
        if plan is None:
            # Its object is not read any more; the table is there for what waits.
            fields = [*mapping.schema, pa.field(INGESTED_AT, pa.int64())]
            return pa.schema(fields), WriteMode.MERGE, 0
        ours = system_fields(plan.stream, mapping.key, keep_op=self.task.keep_op)
        schema = pa.schema([*mapping.schema, *ours])
        mode = (plan.wanted or plan.mode) if mapping.key else WriteMode.APPEND
        return schema, mode, plan.generation if plan.rebuilding else 0


@contextmanager
def _surroundings(workspace: Workspace, pipeline: str, *, locked: bool = False) -> Iterator[_Here]:
    with opened_ends(workspace, pipeline) as ends, opened(workspace) as catalog:
        if locked and catalog is not None:
            with catalog.pipelines.lock(pipeline):
                yield _here(workspace, pipeline, ends, catalog)
            return
        yield _here(workspace, pipeline, ends, catalog)


def _plans(
    task: Task, plans: Sequence[StreamPlan], known: Dict[str, Mapping]
) -> dict[str, StreamPlan]:
    """How event types are loaded, those that a transformation makes of streams included."""
    found = {item.event_type: item for item in plans}
    made = task.memory.event_types()
    for plan in plans:
        for name in made.get(plan.stream.name, ()):
            fields = {item.field for item in known[name].left} if name in known else set()
            kept = plan.key if plan.key == GENERATED_KEY or fields >= {*plan.key} else ()
            found.setdefault(name, replace(plan, event_type=name, key=kept))
    return found


def _here(workspace: Workspace, pipeline: str, ends: Any, catalog: Catalog | None) -> _Here:
    spec = workspace.pipeline(pipeline)
    task, plans = trial(workspace, pipeline, ends, catalog, ())
    known = catalog.mappings.load(pipeline) if catalog is not None else {}
    by_type = _plans(task, plans, known)
    limits = ends.destination.capabilities
    around = Around(
        spec.auto_mapping,
        Limits(
            limits.table_limit,
            limits.column_limit,
            Measure.BYTES if limits.name_unit == "bytes" else Measure.CHARS,
            limits.max_columns - RESERVED_COLUMNS,
            NameStyle(spec.name_style.upper()),
            limits.reserved_columns,
        ),
        ends.destination.describe,
        {name: plan.key for name, plan in by_type.items()},
    )
    fillers = _fillers(workspace, spec.destination, catalog) if catalog is not None else {}
    return _Here(catalog, ends.destination, task, by_type, known, around, fillers)


def _fillers(workspace: Workspace, destination: str, catalog: Catalog) -> dict[str, list[str]]:
    """Each table of a destination with `pipeline.event_type` of all that goes into it."""
    found: dict[str, list[str]] = {}
    for name, spec in workspace.spec.pipelines.items():
        if spec.destination == destination:
            for item in catalog.mappings.load(name).values():
                if item.target:
                    found.setdefault(item.target, []).append(f"{name}.{item.event_type}")
    return found
