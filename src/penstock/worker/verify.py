"""Compare the source of a pipeline with its tables."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb

from penstock.control.workspace import Workspace
from penstock.core.checkpoint import Checkpoint
from penstock.core.digest import Part
from penstock.core.errors import ConfigError, Interrupted
from penstock.core.load import Deletes, WriteMode
from penstock.core.mapping import Mapping
from penstock.core.records import FailedFilter, FailedState, Method
from penstock.core.splits import history_is_read
from penstock.core.stream import ReadMode, Split
from penstock.engine.extract import context
from penstock.engine.task import StreamPlan, Task
from penstock.engine.verify.bags import compare_bags
from penstock.engine.verify.compare import How, compare_rows
from penstock.engine.verify.digests import digest, key_buckets
from penstock.engine.verify.hashing import COLUMN_BYTES
from penstock.engine.verify.result import Kind, ObjectResult, Status
from penstock.engine.verify.sides import Sides
from penstock.store import Catalog
from penstock.worker.catalog import opened
from penstock.worker.look import trial
from penstock.worker.nesting import is_taken_apart
from penstock.worker.plan import chosen
from penstock.worker.setup import opened_ends
from penstock.worker.staging import catalog_name
from penstock.worker.verify_log import PipelineLog
from penstock.worker.verify_repair import Repair, refuse_unfinished

_PATIENCE_S: Final = 60.0
"""How long a job that runs is waited for until it has read what is in the log now."""
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
        ends.source.stop_with(cancel)
        ends.destination.stop_with(cancel)
        task, plans = trial(workspace, pipeline, ends, catalog, options.objects)
        # Reading needs less than loading, and the comparison has an engine of its own.
        widest = max((len(plan.stream.schema) for plan in plans), default=0)
        ends.destination.limit_memory(
            max(ends.budget.destination_bytes * 5 // 8, widest * COLUMN_BYTES)
        )
        task.fixed_schema, task.cancel = True, cancel
        shaped = catalog is not None and _is_shaped(catalog, pipeline)
        spec = workspace.pipeline(pipeline)
        loaded = any(task.memory.mapping(p.event_type) for p in plans) or shaped
        if catalog is None or not loaded:
            raise ConfigError(
                f"{pipeline} has loaded nothing yet, so there is nothing to compare.",
                hint=f"Run `penstock run {pipeline}` first.",
                code="verify.nothing",
                pipeline=pipeline,
            )
        ends.source.belongs_to(pipeline, catalog_name(catalog.pipelines.get(pipeline)))
        every = chosen(workspace.pipeline(pipeline), ends.source.discover(), ())
        look = _Look(
            task,
            catalog,
            options,
            PipelineLog(task, catalog, every, max(_PATIENCE_S, options.wait_s)),
        )
        for plan in plans:
            began = time.monotonic()
            try:
                if shaped:
                    result = _not_alike(task, plan, "its events pass a transformation")
                elif is_taken_apart(spec, plan.stream.name):
                    result = _not_alike(task, plan, "its nested data is taken apart")
                else:
                    result = look.compare(plan)
            except duckdb.InterruptException as error:
                raise Interrupted("Stopped before all objects were compared.") from error
            if cancel.is_set():
                raise Interrupted("Stopped before all objects were compared.")
            result.seconds = time.monotonic() - began
            yield result


def _is_shaped(catalog: Catalog, pipeline: str) -> bool:
    """Whether a transformation changes what is loaded."""
    known = pipeline in {item.name for item in catalog.pipelines.list()}
    version = catalog.transformations.deployed(pipeline) if known else None
    return version is not None and version.method is not Method.NONE


def _not_alike(task: Task, plan: StreamPlan, why: str) -> ObjectResult:
    """Tables of what is made of events do not equal the source's rows."""
    mapping = task.memory.mapping(plan.event_type)
    result = ObjectResult(plan.stream.name, mapping.table if mapping is not None else "")
    return _left_out(result, f"{why}, so table and source differ")


def repairs(
    workspace: Workspace, pipeline: str, results: Iterable[ObjectResult]
) -> dict[str, Repair]:
    """What a job has to read again so that these objects are equal, by object: `RunOptions.repair`.

    Raises:
        ConfigError: a full reload of one of them is unfinished.
    """
    found = {}
    with opened(workspace) as catalog:
        mappings = catalog.mappings.load(pipeline) if catalog is not None else {}
        for result in results:
            if result.status is Status.DIFFERENT and result.keys is not None:
                found[result.object] = Repair.of(result, mappings[result.object])
        if catalog is not None:
            refuse_unfinished(catalog, pipeline, found)
    return found


@dataclass(frozen=True)
class _Look:
    """What the objects of one comparison share."""

    task: Task
    catalog: Catalog
    options: VerifyOptions
    log: PipelineLog

    def compare(self, plan: StreamPlan) -> ObjectResult:
        mapping = self.task.memory.mapping(plan.event_type)
        if mapping is None:
            return self._never_loaded(plan)
        if not mapping.target:
            why = "its events are skipped" if mapping.skipped else "it has no table: map it first"
            return _left_out(ObjectResult(plan.stream.name, mapping.table), why)
        stored = self.task.destination.returned(mapping.table)
        if stored is None:
            return self._lost(plan, mapping.table)
        result = ObjectResult(plan.stream.name, mapping.table)
        if self._is_unfinished(plan):
            return _left_out(result, "its first read has not come to its end; run the pipeline")
        if plan.rebuilding:
            result.notes.append("A full reload is unfinished: the old table is compared.")
        sides = Sides(self.task, plan, mapping, stored, self._checkpoint(plan))
        for name in sides.lost:
            result.notes.append(f"The table has no column {name} any more: it is not compared.")
        for name in sides.gone:
            result.notes.append(f"The source has no field for {name} any more: it is not compared.")
        if not set(mapping.key) <= set(sides.columns):
            return _left_out(result, "its table lacks a column of the key")
        if mapping.key:
            self._by_key(plan, mapping, sides, result)
        else:
            with _folder() as folder:
                compare_bags(sides, result, self._how(plan, mapping, folder))
            if result.status is Status.DIFFERENT:
                result.notes.append(
                    f"Rows without a key are not repaired one by one: {self._anew(plan)}."
                )
        return result

    def _by_key(
        self, plan: StreamPlan, mapping: Mapping, sides: Sides, result: ObjectResult
    ) -> None:
        part: Part = ()
        columns = self.task.destination.describe(mapping.table)
        if plan.mode is not WriteMode.APPEND and columns is not None:
            sums = digest(self.task, plan, mapping, sides.columns, columns)
            if sums is not None:
                result.method = "hashes"
                result.source_rows = sums.source_rows
                result.destination_rows = sums.destination_rows
                if sums.equal:
                    return
                part = sums.part
        if self.task.cancel.is_set():
            return
        with _folder() as folder:
            how = self._how(plan, mapping, folder)
            if columns is not None:
                how = replace(how, buckets=key_buckets(mapping, columns))
            compare_rows(sides, mapping.key, result, how, part)

    def _how(self, plan: StreamPlan, mapping: Mapping, folder: Path) -> How:
        task, options = self.task, self.options
        wanted = FailedFilter(states=_OPEN, object=plan.stream.name)
        failed = {row.key for row in self.catalog.failed.list(task.pipeline, wanted) if row.key}
        logged = plan.stream.mode is ReadMode.LOG
        return How(
            folder=folder,
            # The destination may be in this process, too.
            memory_bytes=task.budget.destination_bytes // 2,
            sums_first=task.source.columnar,
            limit=options.limit,
            wait_s=options.wait_s,
            failed=failed,
            extra_is_fine=plan.deletes is Deletes.IGNORE or plan.mode is WriteMode.APPEND,
            hidden={c.name for c in mapping.columns if c.field in plan.stream.sensitive},
            behind_too=options.behind_too,
            pending=self.log.of(plan.stream.name) if logged and not options.behind_too else None,
            cancel=task.cancel,
        )

    def _never_loaded(self, plan: StreamPlan) -> ObjectResult:
        """Without rows in the source there is nothing to load, and no table."""
        result = ObjectResult(plan.stream.name, "", source_rows=0, destination_rows=0)
        told = context(self.task, Split(plan.stream.name, (plan.stream.name,)))
        batches = self.task.source.current(plan.stream, told)
        with closing(batches):  # type: ignore[type-var]
            if not any(batch.num_rows for batch in batches):
                result.notes.append("It has no rows, and no table yet.")
                return result
        result.source_rows = None
        return _left_out(result, "no job has loaded it yet")

    def _lost(self, plan: StreamPlan, table: str) -> ObjectResult:
        """The table was dropped: all rows are missing."""
        told = context(self.task, Split(plan.stream.name, (plan.stream.name,)))
        rows = sum(batch.num_rows for batch in self.task.source.current(plan.stream, told))
        result = ObjectResult(plan.stream.name, table, source_rows=rows, destination_rows=0)
        result.method = "counts"
        result.status = Status.DIFFERENT
        result.counts[Kind.MISSING] = rows
        result.notes.append(f"The destination has no table {table} any more: {self._anew(plan)}.")
        return result

    def _anew(self, plan: StreamPlan) -> str:
        command = f"penstock run {self.task.pipeline} --object {plan.stream.name} --full-refresh"
        return f"`{command}` makes the table anew"

    def _is_unfinished(self, plan: StreamPlan) -> bool:
        """Whether a table of a log is still being filled for the first time."""
        if plan.stream.mode is not ReadMode.LOG or plan.rebuilding:
            return False
        return not history_is_read(plan.stream.name, self.log.saved())

    def _checkpoint(self, plan: StreamPlan) -> Checkpoint | None:
        """Where the object's own split stands; a log's position says nothing of rows."""
        if plan.stream.mode is ReadMode.LOG:
            return None
        return self.task.checkpoints.get(plan.stream.name)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="penstock-verify-") as folder:
        yield Path(folder)


def _left_out(result: ObjectResult, why: str) -> ObjectResult:
    result.status = Status.NOT_COMPARED
    result.notes.append(f"Not compared: {why}.")
    return result
