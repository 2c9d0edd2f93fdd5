"""`penstock transform`: try a transformation, put it in force, go back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from penstock.cli.context import Cli, verb
from penstock.cli.table import Column
from penstock.cli.words import instant, plural

if TYPE_CHECKING:
    from penstock.core.records import TransformationVersion
    from penstock.worker.trying import Tried

_ACTIONS: Final = ("test", "deploy", "history", "rollback")
_COLUMNS: Final = (
    Column("version", right=True),
    Column("status"),
    Column("method"),
    Column("deployed", instant, key="deployed_at"),
    Column("by", key="created_by", drop=1),
    Column("comment", cut=True),
)


def register(app: typer.Typer) -> None:
    verb(
        app, "transform",
        example="penstock transform test crm_to_warehouse --object contacts --sample 3\n"
        "penstock transform deploy crm_to_warehouse --comment 'hide mail addresses'\n"
        "penstock transform history crm_to_warehouse\n"
        "penstock transform rollback crm_to_warehouse --to 2",
    )(transform)  # fmt: skip


def transform(
    cli: Cli,
    action: Annotated[
        str, typer.Argument(metavar="test|deploy|history|rollback", help="What to do.")
    ],
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="As named in the file.")],
    objects: Annotated[
        list[str] | None,
        typer.Option(
            "--object", metavar="X", help="Test with events of this one. Can be repeated."
        ),
    ] = None,
    sample: Annotated[
        int, typer.Option("--sample", min=1, max=1000, metavar="N", help="Events of each object.")
    ] = 3,
    comment: Annotated[
        str, typer.Option("--comment", metavar="TEXT", help="Kept with the deployed version.")
    ] = "",
    to: Annotated[
        int | None,
        typer.Option("--to", min=1, metavar="N", help="Version to go back to; default: the last."),
    ] = None,
) -> None:
    """Try the transformation of a pipeline, put it in force, or go back to an older one.

    The file names it under `transform`: a script or blocks. test shows events of the source
    before and after it, what it prints, and which columns come and go; nothing is loaded.
    deploy puts it in force for jobs that begin from then on. history lists the versions,
    rollback deploys an older one again.
    """
    if action not in _ACTIONS:
        raise typer.BadParameter(f"The first word must be one of: {', '.join(_ACTIONS)}.")
    cli.workspace.pipeline(pipeline)
    if action == "test":
        _test(cli, pipeline, tuple(objects or ()), sample)
    elif action == "deploy":
        _deploy(cli, pipeline, comment)
    elif action == "history":
        _history(cli, pipeline)
    else:
        _rollback(cli, pipeline, to)


def _test(cli: Cli, pipeline: str, objects: tuple[str, ...], sample: int) -> None:
    from penstock.worker import trying

    test = trying.test(cli.workspace, pipeline, objects, sample)
    counts = {"events": 0, "outputs": 0, "dropped": 0, "failed": 0}
    for one in test.events():
        counts["events"] += 1
        counts["outputs"] += len(one.outputs)
        counts["dropped"] += one.dropped
        counts["failed"] += one.error is not None
        if cli.out.json:
            cli.out.record({"type": "event", **vars(one)})
        else:
            _print(cli, one)
    for change in test.changes():
        if cli.out.json:
            cli.out.record({"type": "schema", **change})
        else:
            _print_change(cli, change)
    test.note()
    if cli.out.json:
        cli.out.record({"type": "summary", "pipeline": pipeline, **counts})
        return
    cli.out.note(
        f"\n{plural(counts['events'], 'event')} in, {counts['outputs']} out, "
        f"{counts['dropped']} dropped, {counts['failed']} failed. Nothing was loaded."
    )
    cli.out.note(f"To use it: penstock transform deploy {pipeline}")


def _print(cli: Cli, one: Tried) -> None:
    cli.out.say(f"-- {one.event_type}")
    for name, value in one.before.items():
        cli.out.say(f"     {name}: {_text(value)}")
    if one.error is not None:
        line = f" (line {one.error['line']})" if one.error["line"] else ""
        cli.out.say(f"  => failed, {one.error['type']}: {one.error['message']}{line}")
        for text in one.error["traceback"]:
            cli.out.say(f"     {text}")
    if one.dropped:
        cli.out.say("  => dropped")
    for made in one.outputs:
        key = f", key {', '.join(made['primary_keys'])}" if made["primary_keys"] else ""
        cli.out.say(f"  => {made['event_name']}{key}")
        for text in _difference(one.before, made["properties"]):
            cli.out.say(f"   {text}")
    for text in one.console:
        cli.out.say(f"  printed: {text}")
    cli.out.say()


def _difference(before: Any, after: Any) -> list[str]:
    """The fields after: `+` new, `~` changed, `-` gone; the others are counted.

    An event that has no field of the one before is another one: all of it is new.
    """
    same = [name for name, value in after.items() if name in before and before[name] == value]
    lines = [
        f"{'~' if name in before else '+'} {name}: {_text(value)}"
        for name, value in after.items()
        if name not in same
    ]
    if any(name in before for name in after):
        lines += [f"- {name}" for name in before if name not in after]
    return [*lines, *([f"  {plural(len(same), 'field')} as before"] if same else [])]


def _text(value: Any) -> str:
    if value is None:
        return "null"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _print_change(cli: Cli, change: dict[str, Any]) -> None:
    lines = [f"+ {name}  {kind}" for name, kind in change["added"].items()]
    lines += [f"~ {n}  {c['from']} -> {c['to']}" for n, c in change["changed"].items()]
    lines += [f"- {name}" for name in change["removed"]]
    gone = change["removed"] and not change["kept"] and not change["added"]
    told = "no such event any more" if gone else "" if lines else "as before"
    cli.out.say(f"Fields of {change['event_type']}: {told}".rstrip())
    for line in () if gone else lines:
        cli.out.say(f"  {line}")


def _deploy(cli: Cli, pipeline: str, comment: str) -> None:
    from penstock.worker import transformation

    done = transformation.deploy(cli.workspace, pipeline, comment)
    warnings = [finding.text for finding in done.warnings]
    if cli.out.json:
        record = _record(pipeline, done.version)
        told = {"changed": done.changed, "tested": done.tested, "warnings": warnings}
        cli.out.record({**record, **told})
        return
    for text in warnings:
        cli.out.warn(text)
    if not done.tested:
        cli.out.warn(f"It was not tested as it is: penstock transform test {pipeline}")
    now = "is in force from the next job on" if done.changed else "is in force already"
    cli.out.say(f"Version {done.version.version} of {pipeline} {now}.")


def _history(cli: Cli, pipeline: str) -> None:
    from penstock.worker import transformation

    found = [_record(pipeline, item) for item in transformation.history(cli.workspace, pipeline)]
    if found or cli.out.json:
        cli.out.table(_COLUMNS, found)
    else:
        cli.out.note(f"{pipeline} has no transformation yet.")


def _rollback(cli: Cli, pipeline: str, to: int | None) -> None:
    from penstock.worker import transformation

    version = transformation.rollback(cli.workspace, pipeline, to)
    if cli.out.json:
        cli.out.record(_record(pipeline, version))
    else:
        cli.out.say(
            f"Version {version.version} of {pipeline} is in force from the next job on "
            f"({version.comment})."
        )


def _record(pipeline: str, version: TransformationVersion) -> dict[str, Any]:
    told = {
        name: str(value) if name in ("method", "status") else value
        for name, value in vars(version).items()
    }
    return {"pipeline": pipeline, **told}
