"""`penstock connectors`: what can be read from and written to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.cli.context import Cli, scan, verb
from penstock.cli.table import Column
from penstock.core.errors import ConfigError


def register(app: typer.Typer) -> None:
    verb(
        app, "connectors", example="penstock connectors\npenstock connectors activecampaign"
    )(connectors)  # fmt: skip


def connectors(
    cli: Cli,
    kind: Annotated[
        str | None,
        typer.Argument(metavar="TYPE", help="Show this one: settings, objects, limits."),
    ] = None,
) -> None:
    """List what can be read and written, or show one of them."""
    if kind is None:
        _list(cli)
    else:
        from penstock.cli.card import show

        show(cli, scan(), kind)


def _list(cli: Cli) -> None:
    rows = sorted((_row(path) for path in _cards()), key=lambda row: (row["role"], row["type"]))
    columns = (
        Column("type"),
        Column("role"),
        Column("title", drop=1),
        Column("summary", cut=True),
    )
    cli.out.table(columns, rows)
    if not cli.out.json:
        cli.out.note("\nSettings and limits of one: penstock connectors TYPE")


def _cards() -> list[Path]:
    import penstock.connectors

    return sorted(Path(penstock.connectors.__path__[0]).glob("*s/*/connector.yaml"))


def _row(path: Path) -> dict[str, Any]:
    """The head of a card. The models of cards take longer to import than all of this command."""
    import yaml

    try:
        with path.open(encoding="utf-8") as file:
            raw = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as error:
        raise _wrong(path, " ".join(str(error).split())) from error
    if not isinstance(raw, dict):
        raise _wrong(path, "it is no mapping of keys to values")
    if missing := [key for key in ("name", "role", "title") if not raw.get(key)]:
        raise _wrong(path, f"{', '.join(missing)} missing")
    return {
        "type": raw["name"],
        "role": raw["role"],
        "title": raw["title"],
        "summary": raw.get("summary", ""),
    }


def _wrong(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"The card {path.parent.name}/{path.name} is wrong: {why}.",
        hint="docs/reference/cards.md lists what a card may say.",
        code="config.card",
        type=path.parent.name,
    )
