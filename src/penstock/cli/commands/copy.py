"""`penstock copy`: tables from one system into another, once, with no workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.context import Cli, verb

if TYPE_CHECKING:
    from penstock.worker.copy import CopyMode


def register(app: typer.Typer) -> None:
    verb(
        app, "copy",
        example="penstock copy 'postgresql://reader:${PG_PASSWORD}@db.example.com/shop' "
        "duckdb:///shop.duckdb\n"
        "penstock copy postgresql:///shop duckdb:///shop.duckdb --table orders "
        "--table 'sales.*'",
    )(copy)  # fmt: skip


def copy(
    cli: Cli,
    source: Annotated[str, typer.Argument(metavar="SRC_URI", help="Where from.")],
    destination: Annotated[str, typer.Argument(metavar="DST_URI", help="Where to.")],
    tables: Annotated[
        list[str] | None,
        typer.Option(
            "--table", metavar="T", help="A name or pattern. Can be repeated. Default: all."
        ),
    ] = None,
    mode: Annotated[
        str,
        typer.Option(
            "--mode",
            metavar="M",
            help="full: make the tables anew; merge, append or history: add to those there.",
        ),
    ] = "full",
    no_verify: Annotated[
        bool, typer.Option("--no-verify", help="Do not compare at the end.")
    ] = False,
) -> None:
    """Copy tables once, and compare them at the end.

    Needs no workspace: URIs say where from and where to, with the settings of the connector
    behind the ?. A variable as ${NAME}, in single quotes, keeps a password off the command line.

    Stopping with Ctrl-C is safe: the same command goes on where it stopped.

    Exit codes: 0 done, 2 something must be changed, 3 some records or tables were set aside,
    4 the comparison found a difference, 75 try again later, 130 interrupted.
    """
    from penstock.cli.copying import run_copy
    from penstock.worker.copy import CopyRequest

    request = CopyRequest(tuple(tables or ()), _mode(mode), verify=not no_verify)
    run_copy(cli, source, destination, request)


def _mode(text: str) -> CopyMode:
    modes: tuple[CopyMode, ...] = ("full", "merge", "append", "history")
    for known in modes:
        if text.lower() == known:
            return known
    raise typer.BadParameter(f"--mode {text!r} is none of: {', '.join(modes)}.")
