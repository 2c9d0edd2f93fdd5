"""Run one job of a pipeline, here and now: lock, plan, engine, books, summary."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import partial

from penstock.control.secrets import redacted
from penstock.control.workspace import Workspace
from penstock.core.clock import Forward
from penstock.core.collector import calm_collector
from penstock.core.errors import ConfigError, InternalError, PenstockError
from penstock.core.failpoints import hit
from penstock.core.progress import ObjectState, Summary, Watcher
from penstock.core.records import (
    DataKind,
    FailedFilter,
    JobRecord,
)
from penstock.core.spec import PipelineSpec
from penstock.core.splits import LOG_SPLIT
from penstock.core.stopping import Ending
from penstock.core.stream import ReadMode, Stream
from penstock.engine.budget import Budget
from penstock.engine.outside import settle_tables
from penstock.engine.run import Outcome, run
from penstock.engine.staging import Staging
from penstock.engine.task import Names, StreamPlan, Task
from penstock.store import Catalog
from penstock.transforms.events import Transformer
from penstock.worker.adopting import read_ledger
from penstock.worker.ending import conclude
from penstock.worker.events import ReplaySource, chosen_events
from penstock.worker.gaps import offer
from penstock.worker.memory import CatalogMemory
from penstock.worker.nesting import with_nested
from penstock.worker.options import RunOptions, bounds, check, check_log, job_type
from penstock.worker.outside import alert, note_blocked
from penstock.worker.plan import (
    chosen,
    gone,
    held_back,
    keyless,
    stream_plan,
    with_mapped_key,
)
from penstock.worker.positions import (
    adopt_positions,
    drop_cut_off,
    start_positions,
)
from penstock.worker.reloads import begin_again, generations_of, modes_of
from penstock.worker.setup import Ends, opened_ends
from penstock.worker.sharing import shared_tables
from penstock.worker.staging import catalog_name, open_staging
from penstock.worker.tidy import tidy
from penstock.worker.transforming import renewal, transformer_of
from penstock.worker.watch import Reporter

_GONE = (
    "is not in the source any more, or may not be read; its table stays as it is. Others go on. "
    "Without this warning: take it out of `objects.include`, or exclude it."
)
_NAME_IT = "name it under `objects.include`"
_INCLUDE = f"{_NAME_IT}, or set include_new_tables"


@dataclass
class _Job:
    """One job under way: what is needed to end it properly whatever happens."""

    catalog: Catalog
    record: JobRecord
    spec: PipelineSpec
    states: dict[str, ObjectState]
    warnings: list[str] = field(default_factory=list)


def run_pipeline(
    workspace: Workspace,
    pipeline: str,
    options: RunOptions,
    watcher: Watcher,
    cancel: threading.Event,
) -> Summary:
    """One job to its end. Errors of the job are in the summary; only what prevents a job is raised.

    Raises:
        ConfigError: the pipeline or its settings cannot work.
        TransientError: another job of this pipeline is running (code job.running).
    """
    spec = workspace.pipeline(pipeline)
    check(options)
    clean = partial(redacted, secrets=workspace.secrets)
    with ExitStack() as stack:
        stack.enter_context(calm_collector())
        catalog = stack.enter_context(closing(Catalog.open(workspace.catalog_url)))
        kinds = workspace.source(spec.source).type, workspace.destination(spec.destination).type
        catalog.pipelines.ensure(pipeline, *kinds)
        stack.enter_context(catalog.pipelines.lock(pipeline))
        staging = open_staging(workspace, catalog, pipeline)
        tidy(catalog, pipeline, staging)
        ends = stack.enter_context(opened_ends(workspace, pipeline))
        ends.destination.stop_with(cancel)
        if options.objects:
            # A name that does not exist is refused here, and leaves no failed job behind.
            chosen(spec, ends.source.discover(), options.objects)
        if options.replay is not None:
            ends = _replaying(pipeline, ends, catalog, staging, options.replay)
        if options.repair is not None:
            from penstock.worker.verify_repair import RepairSource, refuse_unfinished

            refuse_unfinished(catalog, pipeline, options.repair)
            ends = replace(ends, source=RepairSource(ends.source, options.repair))
        told: list[str] = []
        version, transformer = transformer_of(workspace, pipeline, catalog, watcher, told)
        if transformer is not None:
            stack.callback(transformer.close)
        record = catalog.pipelines.begin_job(pipeline, job_type(options), DataKind.INCREMENTAL)
        hit("job.started")
        job = _Job(catalog, record, spec, {})
        bug: Exception | None = None
        with Reporter(
            pipeline, record.id, job.states, ends.source, watcher, cancel, catalog, clean
        ) as seen:
            if short := Budget.shortfall(workspace.memory_bytes):
                seen.warn(pipeline, short)
            try:
                task = _task(
                    workspace, staging, options, ends, job, seen, Ending(cancel), transformer
                )
                if options.follow_s is not None:
                    seen.each_second = renewal(catalog, pipeline, version, task.replan)
                streams = [item.stream for item in task.plans.values()]
                ends.source.belongs_to(pipeline, task.catalog_id)
                outcome = run(task, ends.source.plan(streams, task.checkpoints))
            except PenstockError as error:
                outcome = Outcome(fatal=error)
            except Exception as error:  # noqa: BLE001 (raised below)
                # The job has failed also in its history; the command tells of the error itself.
                outcome, bug = Outcome(fatal=_unexpected(error)), error
            for text in told:
                seen.warn(pipeline, text)
        offer(outcome.fatal, pipeline)
        hit("job.before_finish")
        summary = conclude(
            catalog, record, spec, job.states, outcome, ends.source.stats, seen.warnings,
            interrupted=cancel.is_set(), waiting=staging.waiting_rows(), clean=clean,
        )  # fmt: skip
        if bug is not None:
            raise bug
        return summary


def _unexpected(error: Exception) -> InternalError:
    return InternalError(
        f"Something unexpected happened inside Penstock ({type(error).__name__}).",
        hint="Please report it with the log file that was named.",
    )


def _replaying(
    pipeline: str, ends: Ends, catalog: Catalog, staging: Staging, wanted: FailedFilter
) -> Ends:
    """The same ends with failed events in the source's place."""
    rows = chosen_events(catalog, pipeline, wanted)
    if not rows:
        raise ConfigError(
            "There are no such failed events.",
            hint=f"`penstock failed {pipeline}` lists them.",
            code="failed.none",
            pipeline=pipeline,
        )

    def still_failed() -> set[int]:
        return {row.id for row in chosen_events(catalog, pipeline, wanted)}

    mappings = catalog.mappings.load(pipeline)
    return replace(ends, source=ReplaySource(ends.source, rows, staging, still_failed, mappings))


def _task(
    workspace: Workspace,
    staging: Staging,
    options: RunOptions,
    ends: Ends,
    job: _Job,
    seen: Reporter,
    cancel: threading.Event,
    transformer: Transformer | None,
) -> Task:
    pipeline = job.record.pipeline
    offered = ends.source.discover()
    streams = _selected(workspace, offered, options, ends, job, seen)
    # What is replayed or repaired comes from elsewhere: the log stays where it is.
    logs = any(stream.mode is ReadMode.LOG for stream in streams) and not options.again
    check_log(options, pipeline, logs=logs)
    if logs:
        # A log is read once, for all: what one job left out of it would be lost.
        streams = chosen(job.spec, offered, ())
    known = job.catalog.pipelines.get(pipeline)
    catalog_id = catalog_name(known)
    ledger = read_ledger(ends, job.catalog, pipeline, catalog_id, staging, seen.warn)
    job.record = job.catalog.pipelines.overtake(job.record, ledger.fence)
    # Read from its end on: history is read anew, and an old position may not be there any more.
    restart = logs and options.full_refresh and not options.objects
    if logs:
        begin_again(job.catalog, pipeline, streams, restart=restart)
    memory = CatalogMemory(
        job.catalog, pipeline, ends.destination.identity, auto_mapping=job.spec.auto_mapping
    )
    plans = _plans(streams, options, ends, job, memory)
    for name in keyless(plans, job.spec):
        seen.warn(name, "The object has no key: its rows are appended, not merged.")
    for text in shared_tables(job.catalog, workspace.spec.pipelines, pipeline, plans.values()):
        seen.warn(pipeline, text)
    transformer = with_nested(job.spec, pipeline, plans, memory, transformer)
    checkpoints, numbers = start_positions(job.catalog, pipeline, plans)
    adopt_positions(ledger.known, plans, checkpoints, numbers)
    if restart:
        checkpoints.pop(LOG_SPLIT, None)
    if options.log_from is not None:
        # Reloads are noted: from here on the gap is closed, or will be by their histories.
        job.catalog.positions.set(pipeline, LOG_SPLIT, options.log_from)
        checkpoints[LOG_SPLIT] = options.log_from
    drop_cut_off(checkpoints, plans)
    for plan in plans.values():
        job.states[plan.stream.name] = _state(plan, memory)
    ends.destination.check_modes(modes_of(plans.values(), memory, made=transformer is not None))
    task = Task(
        pipeline=pipeline,
        job=job.record.id,
        fence=job.record.fence,
        source=ends.source,
        destination=ends.destination,
        plans=plans,
        catalog_id=catalog_id,
        checkpoints=checkpoints,
        package_numbers=numbers,
        staging=staging,
        memory=memory,
        states=job.states,
        clock=Forward(max(known.ingested_floor, ledger.loaded_at)),
        budget=ends.budget.flushed(options.flush),
        follow_s=options.follow_s,
        names=Names(job.spec.destination_prefix, job.spec.name_style),
        cancel=cancel,
        bounds=bounds(options),
        replaying=options.again,
        infer_dates=job.spec.infer_dates,
        auto_mapping=job.spec.auto_mapping,
        fixed_schema=job.spec.schema_policy == "BLOCK_ALL",
        keep_op=job.spec.keep_op_column,
        warn=seen.warn,
        transformer=transformer,
    )
    alert(job.catalog, pipeline, settle_tables(task, ledger.tables), seen)
    return task


def _plans(
    streams: Sequence[Stream],
    options: RunOptions,
    ends: Ends,
    job: _Job,
    memory: CatalogMemory,
) -> dict[str, StreamPlan]:
    """How each stream is loaded, by its name."""
    generations = generations_of(job.catalog, job.spec, job.record.pipeline, streams, options)
    found = {}
    for stream in streams:
        plan = stream_plan(
            job.spec, stream, ends.destination.capabilities, generations[stream.name],
            accept_deletes=options.accept_deletes,
        )  # fmt: skip
        mapping = memory.mapping(plan.event_type)
        found[stream.name] = with_mapped_key(plan, mapping, auto_mapping=job.spec.auto_mapping)
    return found


def _selected(
    workspace: Workspace,
    offered: Sequence[Stream],
    options: RunOptions,
    ends: Ends,
    job: _Job,
    seen: Reporter,
) -> list[Stream]:
    """The streams that the job is asked for.

    Raises:
        ConfigError: none is, or the file names one that is not offered.
    """
    pipeline = job.record.pipeline
    if not options.again:
        before = job.catalog.jobs.objects(pipeline)
        workspace.check_objects(pipeline, [stream.name for stream in offered], before)
        for name in () if options.objects else gone(job.spec, offered, before):
            seen.warn(name, f"{name} {_GONE}")
    streams = chosen(job.spec, offered, options.objects)
    if not options.again:
        _hold_back(chosen(job.spec, offered, ()), options, ends, job, seen)
        streams = chosen(job.spec, offered, options.objects)
    if not streams:
        raise ConfigError(
            "No object is selected.",
            hint="Look at `objects:` of the pipeline, or at the --object you named."
            if offered
            else f"The source shows none at all: `penstock check {job.spec.source}` tells why.",
            code="config.no_objects",
            pipeline=pipeline,
        )
    return streams


def _hold_back(
    streams: Sequence[Stream], options: RunOptions, ends: Ends, job: _Job, seen: Reporter
) -> None:
    """Take objects that are new, and not wanted before they are named, out of the selection.

    Out of the source's, too: a log carries what all selected tables say.
    """
    before = job.catalog.jobs.objects(job.record.pipeline)
    new = held_back(job.spec, streams, before, by_default=ends.source.includes_new)
    new = [name for name in new if name not in options.objects]
    by_policy = job.spec.schema_policy != "ALLOW_ALL"
    note_blocked(job.catalog, job.record.pipeline, new if by_policy else ())
    if not new:
        return
    job.spec = job.spec.model_copy(update={"objects": job.spec.objects.without(new)})
    ends.source.configure(job.spec)
    for name in () if options.objects else new:
        seen.warn(name, f"{name} is new and is not read: {_NAME_IT if by_policy else _INCLUDE}.")


def _state(plan: StreamPlan, memory: CatalogMemory) -> ObjectState:
    mapping = memory.mapping(plan.event_type)
    return ObjectState(
        object=plan.stream.name,
        event_type=plan.event_type,
        table=mapping.table if mapping else "",
        mode=plan.stream.mode.value,
    )
