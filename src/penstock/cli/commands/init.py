"""`penstock init`: make a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.context import Cli, verb

_NEXT = {
    "empty": "Next: edit {file}, then run `penstock check`.",
    "activecampaign": "Next: put the URL and the key of your account into {env}, then run "
    "`penstock check`.",
}


def register(app: typer.Typer) -> None:
    verb(
        app, "init", example="penstock init my-data --template activecampaign"
    )(init)  # fmt: skip


def init(
    cli: Cli,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Default: that of --workspace, else this one."),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Start from a filled file, e.g. activecampaign."),
    ] = None,
) -> None:
    """Make a workspace: a file, a place for secrets, a .gitignore."""
    from penstock.control import scaffold

    root = (folder or Path(cli.folder or "")).expanduser()
    name = template or scaffold.DEFAULT
    written = scaffold.make(root, name)
    if cli.out.json:
        cli.out.record({"workspace": str(root.resolve()), "files": [str(p) for p in written]})
        return
    for path in written:
        cli.out.say(f"wrote {path}")
    advice = _NEXT.get(name, _NEXT["empty"])
    cli.out.note(advice.format(file=root / "penstock.yaml", env=root / ".env"))
    if not template:
        cli.out.note(f"Filled examples: --template {' | '.join(scaffold.names())}")
