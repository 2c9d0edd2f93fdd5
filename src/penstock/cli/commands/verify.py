"""`penstock verify`: compare the source with its tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.context import Cli, verb
from penstock.cli.table import Column, printable
from penstock.cli.words import duration, number, plural

if TYPE_CHECKING:
    import threading

    from penstock.engine.verify.result import Difference, ObjectResult

_DIFFERENT = 4
_SET_ASIDE = 3


def register(app: typer.Typer) -> None:
    verb(
        app, "verify",
        example="penstock verify crm_to_warehouse\n"
        "penstock verify shop_to_warehouse --object orders --repair",
    )(verify)  # fmt: skip


def verify(
    cli: Cli,
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="As named in the file.")],
    objects: Annotated[
        list[str] | None,
        typer.Option("--object", metavar="X", help="Compare only this object. Can be repeated."),
    ] = None,
    limit: Annotated[
        int, typer.Option("-n", "--keys", min=1, max=1000, help="Differing keys to show.")
    ] = 20,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Read the differing keys again, then compare once more."),
    ] = False,
    wait: Annotated[
        float,
        typer.Option(
            "--wait",
            metavar="SECONDS",
            min=0,
            max=600,
            help="Pause before keys that differ are looked at again.",
        ),
    ] = 3.0,
) -> None:
    """Compare the source with its tables.

    Exit codes: 0 nothing differs, 3 what differs are rows set aside as failed events, 4 rows
    differ.
    """
    from penstock.cli.jobrun import running
    from penstock.cli.report import report
    from penstock.worker.jobs import run_pipeline
    from penstock.worker.options import RunOptions
    from penstock.worker.verify import VerifyOptions, repairs
    from penstock.worker.verify import verify as compared

    options = VerifyOptions(tuple(objects or ()), limit, wait)
    workspace = cli.workspace

    def look(chosen: VerifyOptions, cancel: threading.Event) -> list[ObjectResult]:
        found = []
        for result in compared(workspace, pipeline, chosen, cancel):
            found.append(result)
            if cli.out.json:
                cli.out.record(_plain(result))
        if not cli.out.json:
            _show(cli, pipeline, found)
        return found

    with running(cli) as (watcher, cancel):
        results = look(options, cancel)
        wanted = repairs(workspace, pipeline, results) if repair else {}
        if wanted:
            job = RunOptions(objects=tuple(wanted), repair=wanted)
            summary = run_pipeline(workspace, pipeline, job, watcher, cancel)
            watcher.close()
            report(cli, summary)
            if summary.exit_code not in (0, _SET_ASIDE):
                raise typer.Exit(summary.exit_code)
            again = {
                item.object: item for item in look(replace(options, objects=tuple(wanted)), cancel)
            }
            results = [again.get(item.object, item) for item in results]
    code = max(map(_code, results), default=0)
    if code:
        raise typer.Exit(code)


def _code(result: ObjectResult) -> int:
    return {"different": _DIFFERENT, "set aside": _SET_ASIDE}.get(result.status, 0)


def _plain(result: ObjectResult) -> dict[str, Any]:
    return {
        "type": "object",
        "object": result.object,
        "table": result.table,
        "status": str(result.status),
        "method": result.method,
        "source_rows": result.source_rows,
        "destination_rows": result.destination_rows,
        "different": result.different,
        "kinds": {str(kind): count for kind, count in result.counts.items()},
        "failed": result.failed,
        "behind": result.behind,
        "ranges": [
            {"first": item.range.first, "last": item.range.last, "keys": item.keys}
            for item in result.ranges
        ],
        "keys": [_plain_key(item) for item in result.differences],
        "notes": result.notes,
        "seconds": round(result.seconds, 3),
    }


def _plain_key(item: Difference) -> dict[str, Any]:
    return {
        "key": list(item.key),
        "kind": str(item.kind),
        "failed": item.failed,
        "columns": [
            {"column": v.column, "source": v.source, "destination": v.destination}
            for v in item.values
        ],
    }


_OBJECTS = (
    Column("object", cut=True),
    Column("table", drop=3),
    Column("source", key="source_rows", show=number, right=True),
    Column("destination", key="destination_rows", show=number, right=True),
    Column("differ", key="different", show=number, right=True),
    Column("set aside", key="failed", show=number, right=True, drop=1),
    Column("behind", show=number, right=True, drop=2),
    Column("result", key="status"),
    Column("time", key="seconds", show=duration, right=True, drop=4),
)


def _show(cli: Cli, pipeline: str, results: list[ObjectResult]) -> None:
    cli.out.table(_OBJECTS, [vars(item) | {"different": item.different} for item in results])
    for result in results:
        for line in result.notes:
            cli.out.note(f"{result.object}: {line}")
        if result.ranges:
            _show_keys(cli, result)
    if any(item.status == "different" for item in results):
        cli.out.note(f"\nTo read the differing keys again: penstock verify {pipeline} --repair")


def _show_keys(cli: Cli, result: ObjectResult) -> None:
    cli.out.say(f"\n{result.object}: {plural(result.different + result.failed, 'key')} differ")
    for item in result.ranges:
        cli.out.say(f"  keys {item.range}: {item.keys:,}")
    for difference in result.differences:
        key = ", ".join(str(part) for part in difference.key)
        why = " (failed event)" if difference.failed else ""
        cli.out.say(f"  {key}  {_KINDS[difference.kind]}{why}")
        for value in difference.values:
            cli.out.say(
                f"    {value.column}: {_short(value.source)} in the source, "
                f"{_short(value.destination)} in the table"
            )


_KINDS = {
    "missing": "missing in the table",
    "extra": "only in the table",
    "changed": "other values",
    "doubled": "more than once in the table",
}
_TEXT = 60


def _short(value: str | None) -> str:
    if value is None:
        return "null"
    text = printable(value)
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"
