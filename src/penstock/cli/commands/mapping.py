"""`penstock mapping`: which event type goes to which table, which field to which column."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from penstock.cli.context import Cli, verb
from penstock.cli.editor import edit_text
from penstock.cli.table import Column
from penstock.cli.words import instant, plural
from penstock.core.errors import ConfigError

if TYPE_CHECKING:
    from penstock.worker.mapper import Plan
    from penstock.worker.mapper_save import Saved

_ACTIONS: Final = (
    "list", "show", "edit", "apply", "map", "skip", "include", "unmap", "reset", "auto", "delete",
)  # fmt: skip
_COLUMNS: Final = (
    Column("event type", key="event_type"),
    Column("table"),
    Column("status"),
    Column("fields", right=True),
    Column("unmapped", right=True),
    Column("ignored", right=True, drop=1),
    Column("changed", instant, key="updated_at", drop=2),
)


def register(app: typer.Typer) -> None:
    verb(
        app, "mapping",
        example="penstock mapping list crm_to_warehouse\n"
        "penstock mapping show crm_to_warehouse > mapping.yaml\n"
        "penstock mapping apply crm_to_warehouse mapping.yaml\n"
        "penstock mapping skip crm_to_warehouse notes tasks\n"
        "penstock mapping auto off crm_to_warehouse deals\n"
        "penstock mapping map crm_to_warehouse deals --table sales_deals",
    )(mapping)  # fmt: skip


def mapping(
    cli: Cli,
    action: Annotated[
        str, typer.Argument(metavar="|".join(_ACTIONS), help="What to do.", show_default=False)
    ],
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="PIPELINE [EVENT_TYPE|FILE]...",
            help="Event types for actions (after auto: on or off, then the pipeline); "
            "for apply a file, or - for stdin.",
        ),
    ],
    table: Annotated[
        str | None,
        typer.Option("--table", metavar="T", help="With map: into this table, old or new."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Change without asking.")] = False,
    no_replay: Annotated[
        bool, typer.Option("--no-replay", help="Leave the replay of failed events to the next run.")
    ] = False,
) -> None:
    """Decide which event types and fields are loaded, and where.

    list counts fields by event type. show prints the mapping as YAML, edit opens it in $EDITOR,
    apply reads it back: all changes and their statements are shown first.

    map makes a table for event types that have none, and a column for each field that waits. skip
    drops events of a type from now on, include takes them again. unmap forgets the table, reset
    what is known of the fields too; delete drops the table.

    Failed events that the change can cure are loaded at once.
    """
    if action not in _ACTIONS:
        raise typer.BadParameter(f"{action!r} is none of: {', '.join(_ACTIONS)}.")
    switch = ""
    if action == "auto":
        switch, *words = words
        if switch not in ("on", "off") or not words:
            raise typer.BadParameter("After auto come on or off, then the pipeline.")
    pipeline, *names = words
    cli.workspace.pipeline(pipeline)
    if action == "list":
        _list(cli, pipeline)
    elif action == "show":
        _show(cli, pipeline, names)
    elif action == "edit":
        _edit(cli, pipeline, dry_run=dry_run, yes=yes, no_replay=no_replay)
    elif action == "apply":
        file = _one_file(names)
        text = sys.stdin.read() if file == "-" else _read(file)
        from penstock.worker import mapper

        plan = mapper.plan_file(cli.workspace, pipeline, text, file)
        _decide(cli, plan, dry_run=dry_run, yes=yes, no_replay=no_replay)
    elif action == "map":
        from penstock.worker import mapper

        plan = mapper.plan_proposal(cli.workspace, pipeline, _some(names), table)
        _decide(cli, plan, dry_run=dry_run, yes=yes, no_replay=no_replay)
    else:
        _act(
            cli,
            pipeline,
            f"{action}_{switch}".strip("_"),
            _some(names),
            yes=yes,
            no_replay=no_replay,
        )


def _some(names: list[str]) -> list[str]:
    if not names:
        raise typer.BadParameter("Name at least one event type.")
    return names


def _one_file(names: list[str]) -> str:
    if len(names) != 1:
        raise typer.BadParameter("apply takes one file, or - for stdin.")
    return names[0]


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} cannot be read: {error}.",
            hint="Name a file that `penstock mapping show` wrote, or - for stdin.",
            code="mapping.file",
        ) from None


def _list(cli: Cli, pipeline: str) -> None:
    from penstock.worker import mapper

    rows = [vars(item) for item in mapper.overview(cli.workspace, pipeline)]
    if cli.out.json or rows:
        cli.out.table(_COLUMNS, rows)
    if not rows:
        cli.out.note(f"Nothing is known before the first run: penstock run {pipeline}")
    elif not cli.workspace.pipeline(pipeline).auto_mapping:
        cli.out.note("\nAuto mapping is off for this pipeline.")


def _plain(cli: Cli, pipeline: str, names: list[str]) -> dict[str, object]:
    from penstock.mapper.document import to_plain
    from penstock.worker import mapper

    found = mapper.mappings(cli.workspace, pipeline)
    for name in names:
        if name not in found:
            raise ConfigError(
                f"{pipeline} has no event type called {name!r}.",
                hint=f"`penstock mapping list {pipeline}` lists them.",
                code="mapping.unknown_event_type",
            )
    chosen = [item for name, item in found.items() if not names or name in names]
    spec = cli.workspace.pipeline(pipeline)
    return to_plain(pipeline, chosen, auto_mapping=spec.auto_mapping)


def _show(cli: Cli, pipeline: str, names: list[str]) -> None:
    if cli.out.json:
        cli.out.record(_plain(cli, pipeline, names))
    else:
        cli.out.say(_text(cli, pipeline, names))


def _text(cli: Cli, pipeline: str, names: list[str]) -> str:
    from penstock.control.mapping_file import write_mapping

    return write_mapping(_plain(cli, pipeline, names)).rstrip("\n")


def _edit(cli: Cli, pipeline: str, *, dry_run: bool, yes: bool, no_replay: bool) -> None:
    """Until the file is right, or the user gives up."""
    from penstock.control.problems import FileError
    from penstock.worker import mapper

    text = _text(cli, pipeline, []) + "\n"
    while True:
        edited = edit_text(text)
        if edited == text:
            cli.out.note("Nothing was changed.")
            return
        text = edited
        try:
            plan = mapper.plan_file(cli.workspace, pipeline, text, "mapping.yaml")
        except FileError as error:
            for line in error.lines:
                cli.out.warn(line)
            if not sys.stdin.isatty() or not typer.confirm("Edit it again?", True, err=True):
                raise
            continue
        break
    _decide(cli, plan, dry_run=dry_run, yes=yes, no_replay=no_replay)


def _decide(cli: Cli, plan: Plan, *, dry_run: bool, yes: bool, no_replay: bool) -> None:
    """Show the plan, ask, carry it out, and load what can be loaded now."""
    from penstock.worker import mapper

    for name, why in plan.refused:
        cli.out.warn(f"{name}: {why}.")
    if not plan.changes:
        cli.out.note("Nothing was changed.")
        return
    _print(cli, plan)
    if dry_run or not (yes or _agreed()):
        cli.out.note("Nothing was changed.")
        return
    saved = mapper.carry_out(cli.workspace, plan)
    if not cli.out.json:
        cli.out.say(f"{plural(saved.mappings, 'event type')} changed.")
    _replay(cli, plan.pipeline, saved, no_replay=no_replay)


def _print(cli: Cli, plan: Plan) -> None:
    for change in plan.changes:
        plain = change.to_plain()
        if cli.out.json:
            cli.out.record({"pipeline": plan.pipeline, **plain})
            continue
        cli.out.say(f"{plain['event_type']}:")
        for line in plain["changes"]:
            cli.out.say(f"  {line}")
        for line in plain["statements"]:
            cli.out.say(f"  {line if line.endswith(';') else line + ';'}")
        for line in plain["findings"]:
            cli.out.warn(line)
        if plain["also_filled_by"]:
            others = ", ".join(plain["also_filled_by"])
            cli.out.warn(f"{plain['table']} is filled by {others} too: rows of all mix in it.")


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise ConfigError(
            "Nobody is there to agree to this.",
            hint="Add --yes to do it without being asked, or --dry-run to look only.",
            code="usage.confirm",
        )
    return typer.confirm("Do this?", err=True)


def _act(
    cli: Cli, pipeline: str, word: str, names: list[str], *, yes: bool, no_replay: bool
) -> None:
    from penstock.mapper.actions import Action
    from penstock.worker import mapper

    action = Action(word.upper())
    if action is Action.DELETE and not yes:
        _typed(cli, pipeline, names)
    done, saved = mapper.perform(cli.workspace, pipeline, action, names)
    if cli.out.json:
        cli.out.record(
            {
                "pipeline": pipeline, "action": action.value, "result": done.sentence,
                "changed": [item.event_type for item in done.changed],
                "not_eligible": [vars(item) for item in done.ineligible],
            }
        )  # fmt: skip
    else:
        cli.out.say(f"{done.sentence[:1].upper()}{done.sentence[1:]}.")
        for item in done.ineligible:
            cli.out.say(f"  {item.event_type}: {item.why}")
    _replay(cli, pipeline, saved, no_replay=no_replay)


def _typed(cli: Cli, pipeline: str, names: list[str]) -> None:
    """Ask for the names of what will be gone."""
    from penstock.worker import mapper

    known = mapper.mappings(cli.workspace, pipeline)
    tables = [known[name].table for name in dict.fromkeys(names) if name in known]
    listed = " ".join(table for table in tables if table)
    if not listed:
        return
    if not sys.stdin.isatty():
        raise ConfigError(
            f"This drops {listed} with all rows.",
            hint="Add --yes to do it without being asked.",
            code="usage.confirm",
        )
    cli.out.warn(f"This drops {plural(len(listed.split()), 'table')} with all rows: {listed}")
    if typer.prompt("Type the names to do it", err=True).split() != listed.split():
        raise ConfigError("That is something else; nothing was dropped.", code="usage.confirm")


def _replay(cli: Cli, pipeline: str, saved: Saved, *, no_replay: bool) -> None:
    """Load what waits, here and now."""
    if not saved.queued:
        return
    told = f"{plural(saved.queued, 'failed event')} can be loaded now"
    if no_replay:
        cli.out.note(f"{told}; the next run does it first.")
        return
    from penstock.cli.jobrun import finish, running
    from penstock.worker.replay import replay_queued

    cli.out.note(f"{told}.")
    with running(cli) as (watcher, cancel):
        summary = replay_queued(cli.workspace, pipeline, watcher, cancel)
    if summary is not None:
        finish(cli, summary)
