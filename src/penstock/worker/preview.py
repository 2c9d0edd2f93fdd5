"""The first rows of an object as they would be loaded; nothing is written or remembered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from shlex import quote

import pyarrow as pa

from penstock.control.workspace import Workspace
from penstock.core.batch import Batch
from penstock.core.errors import ConfigError
from penstock.core.mapping import Mapping
from penstock.core.stream import Stream
from penstock.engine.evolving import system_fields
from penstock.engine.extract import context
from penstock.engine.mappers import Mappers
from penstock.engine.passes import Passes
from penstock.engine.task import StreamPlan, Task
from penstock.engine.transform import transform
from penstock.store import Catalog
from penstock.transforms.events import Transformer
from penstock.worker.catalog import opened
from penstock.worker.look import trial
from penstock.worker.nesting import with_nested
from penstock.worker.setup import opened_ends

HIDDEN = "(hidden)"


def preview(workspace: Workspace, pipeline: str, name: str, rows: int) -> dict[str, pa.Table]:
    """Rows by event type, in the order in which the types come up.

    The transformation is the version in force, else what the first job would deploy.
    """
    with ExitStack() as stack:
        ends = stack.enter_context(opened_ends(workspace, pipeline))
        catalog = stack.enter_context(opened(workspace))
        task, (plan,) = trial(workspace, pipeline, ends, catalog, (name,))
        made = _transformer(workspace, pipeline, catalog, stack)
        spec, plans = workspace.pipeline(pipeline), {plan.stream.name: plan}
        task.transformer = with_nested(spec, pipeline, plans, task.memory, made)
        mappers = Mappers(task, (plan.stream.name,))
        _check_loaded(pipeline, mappers, plan)
        found: dict[str, list[pa.RecordBatch]] = {} if mappers.shaping else {plan.event_type: []}
        for batch in transform(task, _read(task, plan, rows), Passes.resume(None, task.clock())):
            mapped = mappers.map(batch)
            if mapped.rows is not None and mapped.rows.num_rows:
                found.setdefault(batch.event_type or plan.event_type, []).append(mapped.rows)
        return {
            event_type: _shown(task, mappers, plan, event_type, parts).slice(0, rows)
            for event_type, parts in found.items()
        }


def _check_loaded(pipeline: str, mappers: Mappers, plan: StreamPlan) -> None:
    """Refuse an event type of which no row would be loaded, as there is nothing to show."""
    _, mapper = mappers.of(plan.stream.name, plan.event_type)
    if mapper is None or mapper.mapping.target:
        return
    skipped, name = mapper.mapping.skipped, quote(plan.event_type)
    why = "is skipped" if skipped else "has no table"
    raise ConfigError(
        f"{plan.event_type} {why}, so no row of it would be loaded.",
        hint=f"penstock mapping {'include' if skipped else 'map'} {quote(pipeline)} {name}",
        code="mapping.not_loaded",
        event_type=plan.event_type,
    )


def _read(task: Task, plan: StreamPlan, rows: int) -> Iterator[Batch]:
    """Batches until there are so many rows; of a log's table those that it has now."""
    splits = task.source.plan([plan.stream])
    split = next((one for one in splits if one.history), splits[0])
    batches = task.source.read(split, split.start, context(task, split, limit=rows))
    read = 0
    with closing(batches):  # type: ignore[type-var]
        for batch in batches:
            yield replace(batch, ingested_at=task.clock())
            read += batch.num_rows
            if read >= rows:
                return


def _transformer(
    workspace: Workspace, pipeline: str, catalog: Catalog | None, stack: ExitStack
) -> Transformer | None:
    from penstock.worker import transformation

    known = catalog is not None and pipeline in {item.name for item in catalog.pipelines.list()}
    version = catalog.transformations.deployed(pipeline) if catalog and known else None
    if version is None:
        version = transformation.as_draft(workspace, pipeline, catalog if known else None)
    made = transformation.at_work(workspace, version, lambda _why: None, lambda _line: None)
    if made is not None:
        stack.callback(made.close)
    return made


def _shown(
    task: Task, mappers: Mappers, plan: StreamPlan, event_type: str, parts: list[pa.RecordBatch]
) -> pa.Table:
    made, mapper = mappers.of(plan.stream.name, event_type)
    assert mapper is not None
    ours = system_fields(made.stream, mapper.mapping.key, keep_op=task.keep_op)
    schema = pa.schema([*mapper.mapping.schema, *ours])
    if not parts:
        return schema.empty_table()
    tables = [pa.Table.from_batches([part]) for part in parts]
    table = pa.concat_tables(tables, promote_options="permissive")
    table = table.select([n for n in schema.names if n in table.column_names])
    return _hide(table, plan.stream, mapper.mapping)


def _hide(table: pa.Table, stream: Stream, mapping: Mapping) -> pa.Table:
    """Values of sensitive fields are not shown on a screen."""
    for field in stream.sensitive:
        column = mapping.column(field)
        at = table.schema.get_field_index(column.name) if column else -1
        if at >= 0:
            hidden = pa.array([None if v is None else HIDDEN for v in table.column(at).to_pylist()])
            table = table.set_column(at, table.field(at).name, hidden.cast(pa.string()))
    return table
