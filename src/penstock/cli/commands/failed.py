"""`penstock failed`: events that were set aside, and what to do with them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.context import Cli, verb
from penstock.cli.table import Column
from penstock.cli.words import instant, number, plural
from penstock.core.errors import ConfigError
from penstock.worker.catalog import opened

if TYPE_CHECKING:
    from penstock.core.records import FailedFilter

_GROUPS = (
    Column("event type", key="event_type"),
    Column("stage"),
    Column("code"),
    Column("reason", cut=True),
    Column("events", number, right=True, key="count"),
    Column("first", instant, drop=2),
    Column("last", instant, drop=1),
)
_ACTIONS = ("show", "replay", "skip")


def register(app: typer.Typer) -> None:
    verb(
        app, "failed",
        example="penstock failed crm_to_warehouse\n"
        "penstock failed crm_to_warehouse show --object deals -n 3\n"
        "penstock failed crm_to_warehouse replay --code INCOMPATIBLE_TYPE",
    )(failed)  # fmt: skip


def failed(
    cli: Cli,
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="As named in the file.")],
    action: Annotated[
        str | None,
        typer.Argument(metavar="show|replay|skip", help="What to do; default: count them."),
    ] = None,
    object_name: Annotated[
        str | None, typer.Option("--object", metavar="X", help="Only of this object.")
    ] = None,
    event_type: Annotated[
        str | None, typer.Option("--event-type", metavar="X", help="Only of this event type.")
    ] = None,
    code: Annotated[
        str | None, typer.Option("--code", metavar="CODE", help="Only with this code.")
    ] = None,
    ids: Annotated[
        list[int] | None, typer.Option("--id", metavar="N", help="Only this one. Can be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option("-n", min=1, metavar="N", help="Show so many.")] = 20,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip without asking.")] = False,
) -> None:
    """Show records that were set aside, with the reason; try them again or skip them.

    Without an action they are counted by event type and reason. show prints records as they
    were read, replay sends them through the pipeline again, skip gives them up for good.
    """
    if action is not None and action not in _ACTIONS:
        raise typer.BadParameter(f"{action!r} is none of: {', '.join(_ACTIONS)}.")
    from penstock.core.records import FailedFilter, FailedState

    waiting = (FailedState.FAILED, FailedState.QUEUED_FOR_REPLAY)
    chosen = FailedFilter(
        states=waiting if action != "skip" else waiting[:1],
        object=object_name,
        event_type=event_type,
        code=code,
        ids=tuple(ids) if ids else None,
    )
    cli.workspace.pipeline(pipeline)
    if action is None:
        _count(cli, pipeline, chosen)
    elif action == "show":
        _show(cli, pipeline, chosen, limit)
    elif action == "replay":
        _replay(cli, pipeline, chosen)
    else:
        _skip(cli, pipeline, chosen, yes=yes)


def _count(cli: Cli, pipeline: str, chosen: FailedFilter) -> None:
    groups = _groups(cli, pipeline, chosen)
    if cli.out.json or groups:
        cli.out.table(_GROUPS, groups)
    if not groups:
        cli.out.note("No failed events.")
    elif not cli.out.json:
        total = plural(sum(group["count"] for group in groups), "event")
        cli.out.note(f"\n{total} set aside. Look at some: penstock failed {pipeline} show")
        cli.out.note(f"Once the cause is mended: penstock failed {pipeline} replay")
        if queued := _queued(cli, pipeline, chosen):
            cli.out.note(f"The next run loads {plural(queued, 'event')} whose cause was mended.")


def _queued(cli: Cli, pipeline: str, chosen: FailedFilter) -> int:
    from dataclasses import replace

    from penstock.core.records import FailedState

    with opened(cli.workspace) as catalog:
        assert catalog is not None
        mended = replace(chosen, states=(FailedState.QUEUED_FOR_REPLAY,))
        count: int = catalog.failed.count(pipeline, mended)
        return count


def _groups(cli: Cli, pipeline: str, chosen: FailedFilter) -> list[dict[str, Any]]:
    from dataclasses import asdict

    with opened(cli.workspace) as catalog:
        if catalog is None:
            return []
        return [asdict(group) for group in catalog.failed.groups(pipeline, chosen)]


def _show(cli: Cli, pipeline: str, chosen: FailedFilter, limit: int) -> None:
    from penstock.worker import replay

    given = {name: value for name, value in vars(chosen).items() if value is not None}
    events = replay.show(cli.workspace, pipeline, limit, given)
    for event in events:
        if cli.out.json:
            cli.out.record(event)
        else:
            _print(cli, event)
    if not events:
        cli.out.note("No failed events.")


def _print(cli: Cli, event: dict[str, Any]) -> None:
    key = f", key {event['key']}" if event.get("key") else ""
    cli.out.say(f"#{event['id']}  {event['event_type']}{key}: {event['code']}, {event['stage']}")
    cli.out.say(f"  {event['reason']}")
    for line in event["traceback"][:-1]:
        cli.out.say(f"  {line}")
    for line in _pretty(event.get("raw")).splitlines():
        cli.out.say(f"  {line}")
    cli.out.say()


def _pretty(raw: Any) -> str:
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError:
            return str(raw)
    return json.dumps(raw, indent=2, ensure_ascii=False)


def _replay(cli: Cli, pipeline: str, chosen: FailedFilter) -> None:
    from penstock.cli.jobrun import finish, running
    from penstock.worker.replay import replay

    if not _groups(cli, pipeline, chosen):
        cli.out.note("No failed events.")
        return
    with running(cli) as (watcher, cancel):
        summary = replay(
            cli.workspace, pipeline, object=chosen.object, event_type=chosen.event_type,
            code=chosen.code, ids=chosen.ids or (), watcher=watcher, cancel=cancel,
        )  # fmt: skip
    finish(cli, summary)


def _skip(cli: Cli, pipeline: str, chosen: FailedFilter, *, yes: bool) -> None:
    from penstock.core.records import FailedState

    count = sum(group["count"] for group in _groups(cli, pipeline, chosen))
    if not count:
        cli.out.note("No failed events.")
        return
    if not yes and not _confirmed(count):
        return
    with opened(cli.workspace) as catalog:
        done = catalog.failed.mark(pipeline, chosen, FailedState.SKIPPED) if catalog else 0
    if cli.out.json:
        cli.out.record({"pipeline": pipeline, "skipped": done})
    else:
        cli.out.say(f"{plural(done, 'event')} skipped.")


def _confirmed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError(
            f"This gives up {plural(count, 'event')} for good.",
            hint="Add --yes to do it without being asked.",
            code="usage.confirm",
        )
    return typer.confirm(f"Give up {plural(count, 'event')} for good?", err=True)
