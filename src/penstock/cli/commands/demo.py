"""`penstock demo`: the whole product in a minute, with no account."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.context import Cli, verb
from penstock.cli.table import Column
from penstock.cli.words import number, program

if TYPE_CHECKING:
    from penstock.cli.stand_in import StandIn
    from penstock.control.workspace import Workspace

_PIPELINE = "crm_to_warehouse"
_CONTACTS = 1000
_QUERY = """\
select currency, count(*) as deals, count(*) filter (where status = 1) as won,
       round(sum(value) / 100) as total
from ac_deals
where not _ps_deleted and currency is not null
group by currency order by deals desc"""


def register(app: typer.Typer) -> None:
    verb(app, "demo", example="penstock demo\npenstock demo --dir try-it")(demo)


def demo(
    cli: Cli,
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where the workspace is made.")
    ] = Path("penstock-demo"),
) -> None:
    """See all of it in a minute, with no account.

    Starts a stand-in of the ActiveCampaign API on this machine, loads its 38 objects into a
    DuckDB file, changes some records, syncs again, and leaves the workspace for you to try.
    """
    from penstock.cli.demo_folder import prepare
    from penstock.cli.stand_in import stand_in

    root = folder.expanduser()
    port = prepare(cli, root)
    cli.folder = str(root)
    with stand_in(port, _CONTACTS) as crm:
        cli.out.note(f"A stand-in of the ActiveCampaign API runs at {crm.url}")
        cli.out.note("\n1. Load everything into DuckDB\n")
        _sync(cli)
        cli.out.note("\n2. Change some records in the CRM and sync again\n")
        for line in _change(crm):
            cli.out.note(f"   {line}")
        cli.out.note("")
        _sync(cli, only_changed=True)
    cli.out.note("\n3. Ask the warehouse\n")
    _query(cli, cli.workspace)
    cli.out.note(_next(root, port))


def _sync(cli: Cli, *, only_changed: bool = False) -> None:
    """One job with its report; anything but success ends the demo with the job's code."""
    from penstock.cli.jobrun import finish, running
    from penstock.worker.jobs import run_pipeline
    from penstock.worker.options import RunOptions

    with running(cli) as (watcher, cancel):
        summary = run_pipeline(cli.workspace, _PIPELINE, RunOptions(), watcher, cancel)
    finish(cli, summary, only_changed=only_changed)


def _change(crm: StandIn) -> list[str]:
    """Let the CRM's people work for a moment; says what they did."""
    contacts, deals = crm.rows("contacts"), crm.rows("deals")
    tags, tasks = crm.rows("contact_tags"), crm.rows("tasks")
    crm.change(
        add={"contacts": 25, "deals": 10},
        update={
            "contacts": {str(row["id"]): {"firstName": "Renamed"} for row in contacts[:40]},
            "deals": {str(row["id"]): {"status": "1"} for row in deals[:5]},
        },
        delete={
            "contact_tags": [row["id"] for row in tags[:12]],
            "tasks": [row["id"] for row in tasks[:3]],
        },
    )
    return [
        "25 contacts and 10 deals added",
        "40 contacts renamed, 5 deals won",
        "12 tags taken from contacts, 3 tasks deleted",
    ]


def _query(cli: Cli, workspace: Workspace) -> None:
    from penstock.engine.budget import Budget
    from penstock.worker.setup import opened_destination

    for line in _QUERY.splitlines():
        cli.out.note(f"   {line}")
    cli.out.note("")
    budget = Budget.of(workspace.memory_bytes)
    with opened_destination(workspace, "warehouse", budget) as warehouse:
        rows: list[dict[str, Any]] = warehouse.query(_QUERY).to_pylist()
    cli.out.table(
        [
            Column("currency"),
            Column("deals", number, right=True),
            Column("won", number, right=True),
            Column("total", lambda value: f"{value:,.0f}", right=True),
        ],
        rows,
    )


def _next(root: Path, port: int) -> str:
    us, folder = program(), shlex.quote(str(root))
    return f"""
The stand-in has stopped; the workspace stays in {root}.
Try next, the second one in a terminal of its own:

   {us} status -w {folder}
   {us} sandbox activecampaign --port {port} --contacts {_CONTACTS} --rate-limit 0
   {us} run {_PIPELINE} -w {folder}

With an account of your own: {us} init my-data --template activecampaign"""
