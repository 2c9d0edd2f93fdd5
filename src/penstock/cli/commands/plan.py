"""`penstock plan`: what a run would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.context import Cli, verb
from penstock.cli.table import Column
from penstock.cli.words import plural, status

if TYPE_CHECKING:
    from penstock.control.workspace import Workspace

_COLUMNS = (
    Column("object"),
    Column("read", status),
    Column("table"),
    Column("load", key="load_mode"),
    Column("key", ", ".join),
    Column("change"),
    Column("note", cut=True),
)


def register(app: typer.Typer) -> None:
    verb(
        app, "plan", example="penstock plan crm_to_warehouse\npenstock plan crm_to_warehouse -v"
    )(plan)  # fmt: skip


def plan(
    cli: Cli,
    pipeline: Annotated[
        str | None, typer.Argument(metavar="PIPELINE", help="Default: all of them.")
    ] = None,
) -> None:
    """Show what a run would do.

    Lists the objects, how each is read and loaded, and which tables would be made or
    changed. Writes nothing. With -v the statements themselves are printed.
    """
    from penstock.worker import look

    workspace = cli.workspace
    found: dict[str, list[Any]] = {}
    for name, item in look.plan(workspace, pipeline):
        found.setdefault(name, []).append(item)
    for name, items in found.items():
        _show(cli, workspace, name, [asdict(item) for item in items])
    for name in [pipeline] if pipeline else workspace.spec.pipelines:
        _look_at_transformation(cli, workspace, name)


def _show(cli: Cli, workspace: Workspace, name: str, rows: list[dict[str, Any]]) -> None:
    if cli.out.json:
        for row in rows:
            cli.out.record({"pipeline": name, **row})
        return
    spec = workspace.pipeline(name)
    cli.out.say(f"{name}: {spec.source} -> {spec.destination}")
    shown = [{**row, "read": _read(row), "change": _change(row["statements"])} for row in rows]
    cli.out.table(_COLUMNS, shown)
    statements = [line for row in rows for line in row["statements"]]
    for line in statements if cli.out.verbose else ():
        cli.out.say(line if line.endswith(";") else f"{line};")
    more = "" if cli.out.verbose or not statements else " -v prints them."
    count = plural(len(statements), "statement")
    cli.out.note(f"{count} would change tables.{more} Nothing was written.\n")


def _read(row: dict[str, Any]) -> str:
    """How an object is read: by which query, where it is not by a log."""
    return str(row["mode"] if row["mode"] == "LOG_BASED" else row["query_mode"] or row["mode"])


def _look_at_transformation(cli: Cli, workspace: Workspace, pipeline: str) -> None:
    """Say what is wrong with the transformation in the file, or might surprise.

    Raises:
        ConfigError: it cannot be deployed.
    """
    if workspace.pipeline(pipeline).transform is None:
        return
    from penstock.worker import drafts, transformation

    draft = drafts.read_draft(workspace, pipeline)
    found = transformation.problems_of(workspace, pipeline, draft)
    for finding in found:
        if cli.out.json:
            told = {"problem": finding.text, "warning": finding.warning, "line": finding.line}
            cli.out.record({"pipeline": pipeline, **told})
        elif finding.warning:
            cli.out.warn(f"{draft.place}: {finding.text}")
    drafts.refuse(draft, found)


def _change(statements: Sequence[str]) -> str:
    """What would happen to the table, in two words."""
    if not statements:
        return "none"
    made = any(line.lower().startswith("create table") for line in statements)
    return "new table" if made else plural(len(statements), "change")
