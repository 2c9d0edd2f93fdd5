"""`penstock jobs`: the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.context import Cli, verb
from penstock.cli.report import report_record
from penstock.cli.table import Column
from penstock.cli.words import duration, instant, number, status
from penstock.core.errors import ConfigError
from penstock.worker.catalog import opened

if TYPE_CHECKING:
    from penstock.core.records import JobRecord, ObjectRecord
    from penstock.store import Catalog

_COLUMNS = (
    Column("job"),
    Column("pipeline", cut=True),
    Column("type", status, drop=3),
    Column("status", status),
    Column("started", instant, key="started_at"),
    Column("took", duration, right=True, key="seconds"),
    Column("read", number, right=True),
    Column("written", number, right=True, drop=1),
    Column("failed", number, right=True),
)


def register(app: typer.Typer) -> None:
    verb(
        app, "jobs",
        example="penstock jobs\npenstock jobs crm_to_warehouse\n"
        "penstock jobs show 01KATB3J6Q8Z4M2N5R7T9V1XYZ",
    )(jobs)  # fmt: skip


def jobs(
    cli: Cli,
    what: Annotated[
        str | None,
        typer.Argument(metavar="PIPELINE|show|cancel", help="Whose jobs, or what to do."),
    ] = None,
    job: Annotated[
        str | None, typer.Argument(metavar="ID", help="Of the job to show or cancel.")
    ] = None,
    limit: Annotated[int, typer.Option("-n", min=1, metavar="N", help="Newest so many.")] = 20,
) -> None:
    """List jobs, newest first; show or cancel one.

    jobs [PIPELINE] lists them, jobs show ID prints one in full, jobs cancel ID stops one
    that is running. The first characters of an ID are enough.
    """
    workspace = cli.workspace
    known = workspace.spec.pipelines
    if job is None and (what not in ("show", "cancel") or what in known):
        if what is not None and what not in known:
            workspace.pipeline(what)
        with opened(workspace) as catalog:
            _list(cli, catalog.jobs.list(what, limit=limit) if catalog else [])
        return
    if job is None or what not in ("show", "cancel"):
        raise typer.BadParameter("Write `jobs show ID`, `jobs cancel ID` or `jobs PIPELINE`.")
    with opened(workspace) as catalog:
        found = _find(catalog, job)
        if what == "show":
            _show(cli, found)
        elif catalog is not None:
            _cancel(cli, catalog, found)


def _list(cli: Cli, found: list[JobRecord]) -> None:
    cli.out.table(_COLUMNS, [_row(record) for record in found])
    if not found:
        cli.out.note("No job has run yet. Start one with: penstock run PIPELINE")


def _row(record: JobRecord) -> dict[str, Any]:
    totals = record.totals
    return {
        "job": record.id,
        "pipeline": record.pipeline,
        "type": str(record.job_type),
        "status": str(record.status),
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "seconds": record.seconds,
        "read": totals.read,
        "written": totals.inserted + totals.updated + totals.deleted + totals.flagged,
        "failed": totals.failed,
    }


def _find(catalog: Catalog | None, start: str) -> JobRecord:
    """The job with this id, or the only one whose id begins so."""
    if catalog is None:
        raise ConfigError("No job has run in this workspace yet.", code="job.unknown")
    return catalog.jobs.get(start)


def _show(cli: Cli, record: JobRecord) -> None:
    totals = record.totals.to_dict()
    report_record(
        cli,
        {
            "type": "summary",
            "pipeline": record.pipeline,
            "job": record.id,
            "status": str(record.status),
            "started_at": record.started_at,
            "ended_at": record.ended_at,
            "seconds": record.seconds,
            **totals,
            "source": dict(record.source),
            "warnings": list(record.warnings),
            "error": record.error,
            "objects": [_object(item) for item in record.objects],
        },
        heading=f"Job {record.id} of {record.pipeline}, started {instant(record.started_at)}",
    )


def _object(item: ObjectRecord) -> dict[str, Any]:
    return {
        "object": item.object,
        "event_type": item.event_type,
        "table": item.table,
        "mode": item.mode,
        "status": str(item.status),
        **item.books.to_dict(),
        "checkpoint": dict(item.checkpoint),
        "seconds": item.seconds,
        "error": item.error,
    }


def _cancel(cli: Cli, catalog: Catalog, record: JobRecord) -> None:
    if record.ended_at is not None:
        raise ConfigError(
            f"Job {record.id} has ended already: {status(record.status)}.",
            code="config.job_ended",
        )
    catalog.jobs.request_cancel(record.id)
    if cli.out.json:
        cli.out.record({"job": record.id, "cancel": "requested"})
    else:
        cli.out.say(f"Job {record.id} was asked to stop. What it has loaded stays.")
