"""`penstock status`: how the pipelines are."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.context import Cli, verb
from penstock.cli.glance import Glance, JobLine, glance
from penstock.cli.table import Column
from penstock.cli.words import duration, instant, number, size, status
from penstock.core.clock import now_ms
from penstock.worker.catalog import opened

if TYPE_CHECKING:
    from penstock.control.workspace import Workspace
    from penstock.core.spec import PipelineSpec

_COLUMNS = (
    Column("pipeline", cut=True),
    Column("state", status),
    Column("last job", status, key="last_status"),
    Column("ended", instant, key="last_ended_at"),
    Column("lag", duration, right=True, key="lag_seconds"),
    Column("behind", size, right=True, key="lag_bytes", drop=1),
    Column("next run", key="next_run"),
    Column("failed events", number, right=True, key="failed_events"),
)
_OBJECTS = (
    Column("object"),
    Column("table", drop=1),
    Column("mode", status, drop=2),
    Column("status", status),
    Column("read", number, right=True),
    Column("failed", number, right=True),
    Column("position", lambda shown: ", ".join(str(v) for v in shown.values()), cut=True),
)
_GOOD = frozenset({"COMPLETED", "COMPLETED_WITH_FAILURES"})


def register(app: typer.Typer) -> None:
    verb(app, "status", example="penstock status\npenstock status crm_to_warehouse")(show)


def show(
    cli: Cli,
    pipeline: Annotated[
        str | None, typer.Argument(metavar="PIPELINE", help="Show its objects too.")
    ] = None,
) -> None:
    """Show how the pipelines are.

    State, last job, lag (how old the data can be: time since the last good job began, or how
    far the reader of a change log is behind), next run, and failed events that wait for you.
    """
    workspace = cli.workspace
    specs = workspace.spec.pipelines
    if pipeline is not None and pipeline not in specs:
        workspace.pipeline(pipeline)
    names = [pipeline] if pipeline is not None else list(specs)
    seen = glance(workspace)
    rows = [row_of(name, specs[name], seen) for name in names]
    objects = _objects(workspace, rows[0]["last_job"]) if pipeline is not None else []
    if cli.out.json:
        for row in rows:
            cli.out.record({**row, **({"objects": objects} if pipeline is not None else {})})
        return
    logs = any(row["lag_bytes"] is not None for row in rows)
    cli.out.table([c for c in _COLUMNS if logs or c.key != "lag_bytes"], rows)
    if objects:
        cli.out.say()
        cli.out.table(_OBJECTS, objects)
    _advise(cli, rows)


def row_of(name: str, spec: PipelineSpec, seen: Glance) -> dict[str, Any]:
    """What is shown of one pipeline."""
    jobs = seen.of(name)
    last = jobs[0] if jobs else None
    good = next((job for job in jobs if job.status in _GOOD), None)
    return {
        "pipeline": name,
        "source": spec.source,
        "destination": spec.destination,
        "state": _state(last),
        "last_job": last.id if last else None,
        "last_status": last.status if last else None,
        "last_ended_at": last.ended_at if last else None,
        "lag_seconds": _lag_seconds(last, good),
        "lag_bytes": last.lag_bytes if last else None,
        "schedule": str(spec.schedule),
        "next_run": None,
        "failed_events": seen.failed_events(name),
    }


def _lag_seconds(last: JobLine | None, good: JobLine | None) -> int | None:
    """How old the data can be: as the log's reader says, else since the last good job began."""
    if last is not None and last.lag_seconds is not None:
        since = (now_ms() - last.ended_at) / 1000 if last.ended_at else 0.0
        return round(last.lag_seconds + since)
    return round((now_ms() - good.started_at) / 1000) if good else None


def _state(last: JobLine | None) -> str:
    if last is None:
        return "NEVER_RUN"
    if last.ended_at is None:
        return "RUNNING" if _is_alive(last) else "INTERRUPTED"
    return "ACTIVE" if last.status in _GOOD else "NEEDS_ATTENTION"


def _is_alive(job: JobLine) -> bool:
    """Whether the job's process still exists, as far as this machine can tell."""
    if job.host != platform.node() or job.pid <= 0:
        return True
    try:
        os.kill(job.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _objects(workspace: Workspace, last: str | None) -> list[dict[str, Any]]:
    """Objects as the newest job left them."""
    with opened(workspace) as catalog:
        found = catalog.jobs.get(last).objects if catalog and last else ()
    return [
        {
            "object": item.object,
            "table": item.table,
            "mode": item.mode,
            "status": str(item.status),
            "read": item.books.read,
            "failed": item.books.failed,
            "position": dict(item.checkpoint) or None,
            "error": item.error,
        }
        for item in found
    ]


def _advise(cli: Cli, rows: list[dict[str, Any]]) -> None:
    if not rows:
        cli.out.note("The file names no pipeline yet.")
    for row in rows:
        if row["state"] == "NEVER_RUN":
            cli.out.note(f"Start it: penstock run {row['pipeline']}")
        if row["failed_events"]:
            cli.out.note(f"See what failed: penstock failed {row['pipeline']}")
    if any(row["schedule"] != "manual" for row in rows):
        cli.out.note("Nothing starts jobs by itself in this version: let cron call `penstock run`.")
