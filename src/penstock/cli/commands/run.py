"""`penstock run`: one job, now, with live progress."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.context import Cli, verb

if TYPE_CHECKING:
    from penstock.core.flush import Flush
    from penstock.worker.recovering import Recovery


def register(app: typer.Typer) -> None:
    verb(
        app, "run",
        example="penstock run crm_to_warehouse\n"
        "penstock run crm_to_warehouse --object contacts --object deals\n"
        "penstock run shop_to_warehouse --follow --flush 1s",
    )(run)  # fmt: skip


def run(
    cli: Cli,
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="As named in the file.")],
    objects: Annotated[
        list[str] | None,
        typer.Option("--object", metavar="X", help="Read only this object. Can be repeated."),
    ] = None,
    full_refresh: Annotated[
        bool,
        typer.Option("--full-refresh", help="Read all again; swap the new tables in at the end."),
    ] = False,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="T", help="Read again what changed since, e.g. 2026-05-31."),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="T", help="With --from: changes up to here.")
    ] = None,
    accept_deletes: Annotated[
        bool,
        typer.Option("--accept-deletes", help="Mark rows as deleted however many are gone."),
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Keep reading the change log until you stop it.")
    ] = False,
    flush: Annotated[
        list[str] | None,
        typer.Option(
            "--flush",
            metavar="WHEN",
            help="With --follow: load after 1s, 10000rows or 16MB. Can be repeated; "
            "whichever comes first. Default: 5s.",
        ),
    ] = None,
    recover: Annotated[
        str | None,
        typer.Option(
            "--recover",
            metavar="HOW",
            help="If the position in the log is lost: repair (read again what differs), restart "
            "(read all again) or skip (go on without).",
        ),
    ] = None,
) -> None:
    """Load a pipeline now.

    At the end a table shows what happened to every record.

    A pipeline that follows a change log reads to the end the log has now. With --follow it
    stays, and loads what comes.

    Stopping with Ctrl-C is safe: the next run goes on where this one stopped.

    Exit codes: 0 done, 2 something must be changed, 3 some records or objects were set aside,
    75 try again later, 130 interrupted.
    """
    from penstock.cli.jobrun import finish, running
    from penstock.cli.report import report
    from penstock.worker.follow import follow as follow_log
    from penstock.worker.options import RunOptions
    from penstock.worker.recovering import run_recovering

    options = RunOptions(
        objects=tuple(objects or ()),
        full_refresh=full_refresh,
        from_=_instant("--from", from_),
        to=_instant("--to", to),
        accept_deletes=accept_deletes,
        flush=_flush(flush or (), follow=follow),
    )
    how = _recovery(recover)
    workspace = cli.workspace
    ended = partial(report, cli, only_changed=True)
    with running(cli) as (watcher, cancel):
        if follow:
            summary = follow_log(workspace, pipeline, options, watcher, cancel, ended, recover=how)
        else:
            summary = run_recovering(
                workspace, pipeline, options, watcher, cancel, how, ended=ended
            )
    finish(cli, summary)


def _recovery(word: str | None) -> Recovery | None:
    from penstock.worker.recovering import Recovery

    if word is None:
        return None
    ways = {way.name.lower(): way for way in Recovery}
    if word not in ways:
        raise typer.BadParameter(f"--recover {word!r} is none of {', '.join(ways)}.")
    return ways[word]


def _flush(words: Sequence[str], *, follow: bool) -> Flush | None:
    from penstock.core.flush import Flush

    if words and not follow:
        raise typer.BadParameter("--flush says when --follow loads; it needs --follow.")
    try:
        return Flush.parse(words) if follow else None
    except ValueError as error:
        raise typer.BadParameter(f"--flush {error}") from None


def _instant(option: str, text: str | None) -> str | None:
    """The same text, when it is a date or an ISO instant."""
    from datetime import datetime

    if text is not None:
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise typer.BadParameter(
                f"{option} {text!r} is no date or time. Example: 2026-05-31T08:00:00Z."
            ) from None
    return text
