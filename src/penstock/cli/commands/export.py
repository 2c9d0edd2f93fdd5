"""`penstock export`: the workspace file as Penstock understands it."""

from __future__ import annotations

from typing import Any

import typer

from penstock.cli.context import Cli, verb


def register(app: typer.Typer) -> None:
    verb(app, "export", example="penstock export > copy.yaml")(export)


def export(cli: Cli) -> None:
    """Print the workspace file as Penstock understands it.

    References stay references; a secret written in clear text becomes one. Comments are
    not kept.
    """
    from penstock.control.export import exported, to_yaml

    plain: dict[str, Any] = exported(cli.workspace)
    if cli.out.json:
        cli.out.record(plain)
    else:
        cli.out.say(to_yaml(plain).rstrip())
