"""Compare the source of a pipeline with its tables."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from penstock.control.workspace import Workspace
from penstock.core.checkpoint import Checkpoint
from penstock.core.digest import Part
from penstock.core.errors import ConfigError, Interrupted
from penstock.core.load import Deletes, WriteMode
from penstock.core.records import FailedFilter, FailedState
from penstock.core.stream import ReadMode
from penstock.engine.task import StreamPlan, Task
from penstock.engine.verify.compare import How, compare_counts, compare_rows
from penstock.engine.verify.digests import digest, key_buckets
from penstock.engine.verify.result import ObjectResult, Status
from penstock.engine.verify.sides import Sides
from penstock.store import Catalog
from penstock.worker.catalog import opened
from penstock.worker.look import trial
from penstock.worker.setup import opened_ends
from penstock.worker.verify_repair import Repair

_OPEN: Final = (FailedState.FAILED, FailedState.QUEUED_FOR_REPLAY, FailedState.REPLAYING)


@dataclass(frozen=True)
class VerifyOptions:
    """What `penstock verify` was asked for.

    Args:
        objects: only these; empty for all.
        limit: most differing keys that are described, per object.
        wait_s: pause before keys that differ are looked at again.
        behind_too: rows that change while they are compared are differences as well.
    """

    objects: tuple[str, ...] = ()
    limit: int = 20
    wait_s: float = 3.0
    behind_too: bool = False


def verify(
    workspace: Workspace, pipeline: str, options: VerifyOptions, cancel: threading.Event
) -> Iterator[ObjectResult]:
    """Each object's result as it is found; writes nothing at either end.

    Raises:
        ConfigError: nothing was loaded yet, or there is no such object.
        Interrupted: stopped.
    """
    workspace.pipeline(pipeline)
    with opened_ends(workspace, pipeline) as ends, opened(workspace) as catalog:
        ends.destination.stop_with(cancel)
        task, plans = trial(workspace, pipeline, ends, catalog, options.objects)
        task.fixed_schema, task.cancel = True, cancel
        if catalog is None or not any(task.memory.mapping(p.event_type) for p in plans):
            raise ConfigError(
                f"{pipeline} has loaded nothing yet, so there is nothing to compare.",
                hint=f"Run `penstock run {pipeline}` first.",
                code="verify.nothing",
                pipeline=pipeline,
            )
        for plan in plans:
            began = time.monotonic()
            result = _object(task, plan, catalog, options)
            if cancel.is_set():
                raise Interrupted("Stopped before all objects were compared.")
            result.seconds = time.monotonic() - began
            yield result


def repairs(
    workspace: Workspace, pipeline: str, results: Iterable[ObjectResult]
) -> dict[str, Repair]:
    """What a job has to read again so that these objects are equal, by object."""
    found = {}
    with opened(workspace) as catalog:
        mappings = catalog.mappings.load(pipeline) if catalog is not None else {}
        for result in results:
            if result.status is Status.DIFFERENT and result.keys is not None:
                found[result.object] = Repair.of(result, mappings[result.object])
    return found


def _object(task: Task, plan: StreamPlan, catalog: Catalog, options: VerifyOptions) -> ObjectResult:
    mapping = task.memory.mapping(plan.event_type)
    stored = task.destination.returned(mapping.table) if mapping is not None else None
    if mapping is None or stored is None:
        result = ObjectResult(plan.stream.name, mapping.table if mapping else "")
        return _left_out(result, "it has no table yet")
    result = ObjectResult(plan.stream.name, mapping.table)
    sides = Sides(task, plan, mapping, stored, _checkpoint(task, plan))
    for name in sides.lost:
        result.notes.append(f"The table has no column {name} any more: it is not compared.")
    for name in sides.gone:
        result.notes.append(f"The source has no field for {name} any more: it is not compared.")
    if not set(mapping.key) <= set(sides.columns):
        return _left_out(result, "its table lacks a column of the key")
    if not mapping.key:
        compare_counts(sides, result)
        return result
    part: Part = ()
    columns = task.destination.describe(mapping.table)
    if plan.mode is not WriteMode.APPEND and columns is not None:
        sums = digest(task, plan, mapping, sides.columns, columns)
        if sums is not None:
            result.method = "hashes"
            result.source_rows, result.destination_rows = sums.source_rows, sums.destination_rows
            if sums.equal:
                return result
            part = sums.part
    with tempfile.TemporaryDirectory(prefix="penstock-verify-") as folder:
        how = _how(task, plan, catalog, options, Path(folder))
        if columns is not None:
            how = replace(how, buckets=key_buckets(mapping, columns))
        compare_rows(sides, mapping.key, result, how, part)
    return result


def _left_out(result: ObjectResult, why: str) -> ObjectResult:
    result.status = Status.NOT_COMPARED
    result.notes.append(f"Not compared: {why}.")
    return result


def _how(
    task: Task, plan: StreamPlan, catalog: Catalog, options: VerifyOptions, folder: Path
) -> How:
    wanted = FailedFilter(states=_OPEN, object=plan.stream.name)
    failed = {row.key for row in catalog.failed.list(task.pipeline, wanted) if row.key}
    mapping = task.memory.mapping(plan.event_type)
    assert mapping is not None
    hidden = {c.name for c in mapping.columns if c.field in plan.stream.sensitive}
    return How(
        folder=folder,
        # The destination may be in this process, too.
        memory_bytes=task.budget.destination_bytes // 2,
        sums_first=task.source.columnar,
        limit=options.limit,
        wait_s=options.wait_s,
        failed=failed,
        extra_is_fine=plan.deletes is Deletes.IGNORE or plan.mode is WriteMode.APPEND,
        hidden=hidden,
        behind_too=options.behind_too,
        cancel=task.cancel,
    )


def _checkpoint(task: Task, plan: StreamPlan) -> Checkpoint | None:
    """Where the object's own split stands; a log's position says nothing of rows."""
    if plan.stream.mode is ReadMode.LOG:
        return None
    return task.checkpoints.get(plan.stream.name)
