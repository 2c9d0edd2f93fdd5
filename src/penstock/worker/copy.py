"""Copy tables once, from one system into another: one job, and a comparison at its end."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Literal
from uuid import uuid4

from penstock.control.one_off import DESTINATION, SOURCE
from penstock.control.workspace import Workspace
from penstock.core import metadata
from penstock.core.books import Books
from penstock.core.clock import now_ms
from penstock.core.errors import ConfigError
from penstock.core.progress import Summary, Watcher
from penstock.core.records import Generation, JobStatus, ObjectStatus
from penstock.core.spec import ObjectSettings, PipelineSpec, Selection
from penstock.core.stream import ReadMode, Stream
from penstock.engine.budget import Budget
from penstock.engine.verify.result import ObjectResult, Status
from penstock.sdk.destination import Destination
from penstock.sdk.source import Source
from penstock.store import Catalog
from penstock.worker.copy_objects import exact, wanted
from penstock.worker.jobs import run_pipeline
from penstock.worker.look import table_names
from penstock.worker.options import RunOptions
from penstock.worker.setup import Ends, opened_destination, opened_source
from penstock.worker.verify import VerifyOptions, verify

CopyMode = Literal["full", "merge", "append", "history"]
_DONE: Final = (ObjectStatus.COMPLETED, ObjectStatus.COMPLETED_WITH_FAILURES)


@dataclass(frozen=True)
class CopyRequest:
    """What `penstock copy` was asked for, beside the two ends.

    Args:
        tables: names and patterns; empty means all.
        mode: `full` makes the tables anew; the others add to what is there.
        verify: compare at the end.
    """

    tables: tuple[str, ...] = ()
    mode: CopyMode = "full"
    verify: bool = True


@dataclass(frozen=True)
class Reason:
    """Why events of an object could not be loaded, and how many."""

    object: str
    text: str
    count: int


@dataclass(frozen=True)
class Copied:
    """How a copy ended.

    Args:
        summary: of the job.
        compared: an entry for each table that was to be compared.
        exact: the tables should hold nothing but what the source has.
        reasons: of failed events.
        whole: nothing is left that the same command could go on with.
    """

    summary: Summary
    compared: tuple[ObjectResult, ...]
    exact: bool
    reasons: tuple[Reason, ...]
    whole: bool

    def differs(self, result: ObjectResult) -> bool:
        """Whether a table is not what it should be. Without a key, more rows than the source
        has are no surprise where a copy adds to what was there."""
        counted = result.method == "counts" and result.status is not Status.NOT_COMPARED
        more = counted and result.source_rows != result.destination_rows
        return result.status is Status.DIFFERENT or (self.exact and more and not result.failed)

    @property
    def exit_code(self) -> int:
        """The job's; when that is good, 4 where the comparison found a difference."""
        return self.summary.exit_code or (4 if any(map(self.differs, self.compared)) else 0)


@dataclass(frozen=True)
class CopyPlan:
    """What is to be done: `done` was by an earlier command, `rest` is left.

    Args:
        workspace: with a pipeline of what is left.
        whole: with one of all.
    """

    workspace: Workspace
    whole: Workspace
    pipeline: str
    done: tuple[str, ...]
    rest: tuple[str, ...]


def plan_copy(workspace: Workspace, request: CopyRequest) -> CopyPlan:
    """Look at both ends: which tables there are, which are done, and what they become.

    Args:
        workspace: of `control.one_off`.

    Raises:
        ConfigError: the tables named are not there, or would replace what is not ours.
        TransientError: an end is out of reach, or the same copy is going on elsewhere.
    """
    with closing(Catalog.open(workspace.catalog_url)) as catalog:
        return _planned(workspace, request, catalog)


def copy(plan: CopyPlan, request: CopyRequest, watcher: Watcher, cancel: threading.Event) -> Copied:
    """Copy what is left to copy, and compare.

    Raises:
        ConfigError, TransientError: the job could not begin, or the comparison could not end.
    """
    with closing(Catalog.open(plan.workspace.catalog_url)) as catalog:
        summary = (
            run_pipeline(plan.workspace, plan.pipeline, RunOptions(), watcher, cancel)
            if plan.rest
            else _nothing_left(plan.pipeline)
        )
        return _ended(plan, request, catalog, summary, cancel)


def _planned(workspace: Workspace, request: CopyRequest, catalog: Catalog) -> CopyPlan:
    budget = Budget.of(workspace.memory_bytes)
    with (
        opened_source(workspace, SOURCE) as source,
        opened_destination(workspace, DESTINATION, budget) as destination,
    ):
        streams = wanted(source.discover(), request.tables)
        _refuse_logs(streams)
        pipeline = _pipeline(workspace, catalog)
        with catalog.pipelines.lock(pipeline):
            done = _done(catalog, pipeline)
            if request.mode != "full":
                done |= _read(catalog, pipeline, source, streams)
            rest = [stream for stream in streams if stream.name not in done]
            left = workspace.with_pipeline(pipeline, _spec(request, rest))
            if request.mode == "full" and rest:
                _begin_reloads(left, pipeline, Ends(source, destination, budget), catalog)
    whole = workspace.with_pipeline(pipeline, _spec(request, streams))
    names = tuple(stream.name for stream in streams if stream.name in done)
    return CopyPlan(left, whole, pipeline, names, tuple(stream.name for stream in rest))


def _refuse_logs(streams: Sequence[Stream]) -> None:
    if any(stream.mode is ReadMode.LOG for stream in streams):
        raise ConfigError(
            "A copy is made once and ends, so it cannot follow a change log.",
            hint="Leave `mode` out of the URI, or make a workspace with `penstock init` for that.",
            code="copy.log",
        )


def _pipeline(workspace: Workspace, catalog: Catalog) -> str:
    """The name under which this copy is in the ledger: one of its own, so that nothing of
    earlier copies is taken for a position of this one."""
    known = catalog.pipelines.list()
    name = known[0].name if known else f"copy-{uuid4().hex[:12]}"
    kinds = workspace.source(SOURCE).type, workspace.destination(DESTINATION).type
    catalog.pipelines.ensure(name, *kinds)
    return name


def _done(catalog: Catalog, pipeline: str) -> set[str]:
    """Objects that are in the destination as a whole."""
    jobs = catalog.jobs.list(pipeline, limit=10_000)
    told = {
        item.object
        for job in jobs
        for item in catalog.jobs.get(job.id).objects
        if item.status in _DONE
    }
    # A job that was killed told of none.
    shown = {
        name
        for name, generation in catalog.positions.generations(pipeline).items()
        if generation.building is None and generation.current
    }
    return told | shown


def _read(catalog: Catalog, pipeline: str, source: Source, streams: Sequence[Stream]) -> set[str]:
    """Objects of which every row is in the destination, though a job that was killed could not
    say so: rows that are added a second time would be twice there."""
    saved = catalog.positions.load(pipeline)
    at = {stream.name: saved[stream.name].checkpoint for stream in streams if stream.name in saved}
    return {
        stream.name
        for stream in streams
        if (place := at.get(stream.name)) is not None and source.is_whole(stream, place)
    }


def _spec(request: CopyRequest, streams: Sequence[Stream]) -> PipelineSpec:
    full = request.mode == "full"
    keyless = [stream.name for stream in streams if not stream.key]
    return PipelineSpec(
        source=SOURCE,
        destination=DESTINATION,
        load_mode="merge" if full else request.mode,
        # Said for each, since a warning that its rows are appended would be wrong here.
        settings={name: ObjectSettings(load_mode="append") for name in keyless if full},
        objects=Selection(include=tuple(exact(stream.name) for stream in streams)),
    )


def _begin_reloads(workspace: Workspace, pipeline: str, ends: Ends, catalog: Catalog) -> None:
    """Have the tables made anew beside those that are there, under numbers of their own."""
    begun = catalog.positions.generations(pipeline)
    planned = table_names(workspace, pipeline, ends, catalog)
    for table, _ in planned.values():
        _refuse_foreign(ends.destination, table)
    for name, (table, item) in planned.items():
        if name not in begun:
            number = ends.destination.free_generation(table)
            reload = Generation(number - 1, number, item.mode.value)
            catalog.positions.set_generation(pipeline, name, reload)


def _refuse_foreign(destination: Destination, table: str) -> None:
    columns = destination.describe(table)
    if columns is not None and not any(metadata.is_ours(name) for name in columns.names):
        raise ConfigError(
            f"The destination has a table {table} that Penstock did not make, and this copy "
            "would replace it.",
            hint="Drop or rename it, name another schema in DST_URI, or add to it: --mode merge.",
            code="copy.foreign_table",
            table=table,
        )


def _nothing_left(pipeline: str) -> Summary:
    """An earlier command was stopped when all was copied."""
    now = now_ms()
    return Summary(pipeline, "", JobStatus.COMPLETED, now, now, Books(), (), {})


def _ended(
    plan: CopyPlan,
    request: CopyRequest,
    catalog: Catalog,
    summary: Summary,
    cancel: threading.Event,
) -> Copied:
    done = _done(catalog, plan.pipeline) | {*plan.done}
    objects = tuple(name for name in (*plan.done, *plan.rest) if name in done)
    compared: tuple[ObjectResult, ...] = ()
    if request.verify and objects and summary.exit_code in (0, 3):
        compared = tuple(verify(plan.whole, plan.pipeline, VerifyOptions(objects), cancel))
    reasons = tuple(
        Reason(group.event_type, group.reason, group.count)
        for group in catalog.failed.groups(plan.pipeline)
    )
    offered = [item.object for item in summary.objects if item.status == "UNAVAILABLE"]
    left = {*plan.rest} - done - {*offered}
    whole = summary.exit_code in (0, 3) and not left
    return Copied(summary, compared, request.mode == "full", reasons, whole)
