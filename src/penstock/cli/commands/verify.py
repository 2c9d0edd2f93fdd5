"""`penstock verify`: compare the source with its tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.context import Cli, verb

if TYPE_CHECKING:
    import threading

    from penstock.engine.verify.result import ObjectResult

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

    Exit codes: 0 nothing differs, 3 what differs are rows set aside as failed events or an
    object could not be compared, 4 rows differ.
    """
    from penstock.cli.comparison import plain, show
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
                cli.out.record(plain(result))
        if not cli.out.json:
            show(cli, found)
            if any(item.status == "different" for item in found):
                cli.out.note(
                    f"\nTo read the differing keys again: penstock verify {pipeline} --repair"
                )
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
    return {"different": _DIFFERENT, "set aside": _SET_ASIDE, "not compared": _SET_ASIDE}.get(
        result.status, 0
    )
