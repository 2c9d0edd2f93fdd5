"""`penstock release`: drop what a pipeline keeps in its source, before it is removed."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from penstock.cli.context import Cli, verb

_LEFT: Final = 3


def register(app: typer.Typer) -> None:
    verb(app, "release", example="penstock release shop_to_warehouse")(release)


def release(
    cli: Cli,
    pipeline: Annotated[
        str, typer.Argument(metavar="PIPELINE", help="Of which nothing is to be read any more.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Drop what was made for a pipeline in its source, and forget where it stood.

    A pipeline that follows a change log keeps a slot there, for which the server keeps its
    log. Release it before you remove it from the file. Tables of the destination stay.

    Exit codes: 0 all dropped, 3 statements are shown that you have to run yourself.
    """
    from penstock.worker.releasing import release as let_go

    cli.workspace.pipeline(pipeline)
    if not yes and _typed() != pipeline:
        raise typer.BadParameter("That is not its name; nothing was done. --yes does not ask.")
    left = let_go(cli.workspace, pipeline)
    if cli.out.json:
        cli.out.record({"pipeline": pipeline, "left": left})
    elif left:
        cli.out.note("Not everything could be dropped. Let an administrator run:")
        for statement in left:
            cli.out.say(statement)
    else:
        cli.out.say(f"{pipeline} keeps nothing in its source any more.")
    if left:
        raise typer.Exit(_LEFT)


def _typed() -> str:
    """What the user typed; nothing where nobody can be asked."""
    try:
        return str(typer.prompt("The pipeline's name, to confirm", err=True))
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        return ""
