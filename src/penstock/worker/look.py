"""Look without touching: test connections, list objects, preview rows, plan changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

import pyarrow as pa

from penstock.control.workspace import Workspace
from penstock.core.clock import Forward
from penstock.core.errors import PenstockError
from penstock.core.progress import ObjectState
from penstock.core.records import Generation
from penstock.core.splits import history_split
from penstock.core.stream import ReadMode, Stream
from penstock.engine.budget import Budget
from penstock.engine.evolving import system_fields
from penstock.engine.mapping import Mapper
from penstock.engine.staging import LocalStaging
from penstock.engine.task import Names, StreamPlan, Task
from penstock.sdk.destination import Destination
from penstock.sdk.source import Source, Step
from penstock.store import Catalog
from penstock.worker.catalog import opened
from penstock.worker.memory import CatalogMemory, TryMemory
from penstock.worker.nesting import is_taken_apart
from penstock.worker.plan import chosen, load_mode, stream_plan, with_mapped_key
from penstock.worker.planned import Shapes, shapes_of
from penstock.worker.setup import Ends, opened_destination, opened_ends, opened_source


@dataclass(frozen=True)
class PlannedObject:
    """What a run would do with one object: `key` is of its table, empty when it has none, and
    `statements` the SQL it would run first."""

    object: str
    mode: str
    query_mode: str
    load_mode: str
    table: str
    key: tuple[str, ...]
    statements: tuple[str, ...]
    note: str = ""
    event_type: str = ""


def check(workspace: Workspace, name: str | None) -> Iterator[tuple[str, str, Step]]:
    """Steps of testing one connection, or all: (connection, role, step)."""
    budget = Budget.of(workspace.memory_bytes)
    for connection in workspace.spec.sources:
        if name in (None, connection):
            yield from _steps(connection, "source", partial(opened_source, workspace, connection))
    for connection in workspace.spec.destinations:
        if name in (None, connection):
            opened = partial(opened_destination, workspace, connection, budget)
            yield from _steps(connection, "destination", opened)


def runs_scripts(workspace: Workspace) -> bool:
    """Whether a pipeline of the file has a script."""
    wanted = (spec.transform for spec in workspace.spec.pipelines.values())
    return any(item is not None and item.script is not None for item in wanted)


def check_sandbox() -> Step:
    """Whether scripts of users can run here."""
    from penstock.transforms.running import missing_layers

    try:
        missing = missing_layers()
    except PenstockError as error:
        return Step("sandbox", False, error.message, hint=error.hint)
    lacking = "; ".join(f"{layer}: {why}" for layer, why in missing.items())
    return Step("sandbox", True, f"weaker, without {lacking}" if lacking else "every layer is on")


def _steps(
    name: str, role: str, opened: Callable[[], AbstractContextManager[Source | Destination]]
) -> Iterator[tuple[str, str, Step]]:
    try:
        with opened() as end:
            for step in end.check():
                yield name, role, step
    except PenstockError as error:
        yield name, role, Step("settings", False, error.message, hint=error.hint)


def discover(workspace: Workspace, source: str) -> list[Stream]:
    """Objects on offer; raises `ConfigError` when there is no such source."""
    with opened_source(workspace, source) as end:
        return end.discover()


def plan(workspace: Workspace, pipeline: str | None) -> list[tuple[str, PlannedObject]]:
    """What a run would do, by pipeline and object; writes nothing."""
    names = [pipeline] if pipeline else list(workspace.spec.pipelines)
    done: list[tuple[str, PlannedObject]] = []
    for name in names:
        with opened_ends(workspace, name) as ends, opened(workspace) as catalog:
            task, plans = trial(workspace, name, ends, catalog, ())
            spec, shapes = workspace.pipeline(name), shapes_of(workspace, name, catalog)
            for item in plans:
                apart = is_taken_apart(spec, item.stream.name)
                known = Shapes(None) if shapes is None and apart else shapes
                ways = [item] if known is None else known.plans(task, item)
                done += [(name, _planned(task, ends, way)) for way in ways]
    return done


def _planned(task: Task, ends: Ends, item: StreamPlan) -> PlannedObject:
    mapping = task.memory.mapping(item.event_type) or Mapper(task, item).mapping
    ours = system_fields(item.stream, mapping.key, keep_op=task.keep_op)
    schema = pa.schema([*mapping.schema, *ours])
    generation = item.generation if item.rebuilding else 0
    statements = (
        ends.destination.changes(
            mapping.target, schema, mapping.key, mode=item.mode, generation=generation
        )
        if mapping.target
        else []
    )
    mode = item.stream.mode.value
    known = history_split(item.stream.name) if mode == ReadMode.LOG else item.stream.name
    first = known not in task.checkpoints
    note = "first read" if first else "goes on from its position"
    if mode == "FULL_LOAD" and not first:
        note = "read whole again"
    if not mapping.target:
        note = "skipped" if mapping.skipped else "has no table: its events wait"
    return PlannedObject(
        item.stream.name, mode, item.stream.query_mode, item.mode.value,
        mapping.table, mapping.key, tuple(statements), note, item.event_type,
    )  # fmt: skip


def table_names(
    workspace: Workspace, pipeline: str, ends: Ends, catalog: Catalog
) -> dict[str, tuple[str, StreamPlan]]:
    """The table that each object of a pipeline would have, and how it would be loaded."""
    task, plans = trial(workspace, pipeline, ends, catalog, ())
    return {item.stream.name: (Mapper(task, item).mapping.table, item) for item in plans}


def trial(
    workspace: Workspace, pipeline: str, ends: Ends, catalog: Catalog | None, only: tuple[str, ...]
) -> tuple[Task, list[StreamPlan]]:
    """A task that looks like a job's but whose memory forgets."""
    spec = workspace.pipeline(pipeline)
    offered = ends.source.discover()
    known = catalog is not None and pipeline in {p.name for p in catalog.pipelines.list()}
    before = catalog.jobs.objects(pipeline) if catalog and known else ()
    workspace.check_objects(pipeline, [stream.name for stream in offered], before)
    streams = chosen(spec, offered, only)
    saved = catalog.positions.load(pipeline) if catalog and known else {}
    generations = catalog.positions.generations(pipeline) if catalog and known else {}
    plans = []
    for stream in streams:
        reload = generations.get(stream.name, Generation())
        reload = reload.of_job(load_mode(spec, stream), reload=False)
        plans.append(stream_plan(spec, stream, ends.destination.capabilities, reload))
    base = CatalogMemory(catalog, pipeline, ends.destination.identity) if catalog else None
    memory = TryMemory(base)
    plans = [
        with_mapped_key(item, memory.mapping(item.event_type), auto_mapping=spec.auto_mapping)
        for item in plans
    ]
    nowhere = Path(gettempdir(), f"penstock-{uuid4()}")  # never made: a look stages nothing
    task = Task(
        pipeline=pipeline,
        job="preview",
        fence=0,
        source=ends.source,
        destination=ends.destination,
        plans={item.stream.name: item for item in plans},
        catalog_id="",
        checkpoints={
            split: position.checkpoint
            for split, position in saved.items()
            if position.checkpoint is not None
        },
        package_numbers={},
        staging=LocalStaging(nowhere, nowhere),
        memory=memory,
        states={
            item.stream.name: ObjectState(item.stream.name, item.event_type, "", "")
            for item in plans
        },
        clock=Forward(),
        budget=ends.budget,
        names=Names(spec.destination_prefix, spec.name_style),
        infer_dates=spec.infer_dates,
        auto_mapping=spec.auto_mapping,
        keep_op=spec.keep_op_column,
    )
    return task, plans
