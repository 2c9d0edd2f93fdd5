"""Contacts over loopback into DuckDB: Penstock and dlt read the same server in turn.

`python -m bench.contacts --contacts 100000 --runs 3 --dlt PYTHON` prints a table and writes
bench/results/contacts.json. PYTHON is an interpreter that has dlt (see `make bench`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from bench.measure import Cost, median, run

HERE = Path(__file__).parent
FORMS = """
dlt items: rows go to dlt as they are. dlt arrow: its script turns each 5,000 rows into an Arrow
table, so dlt types and normalises nothing. Both write Parquet loader files; see
bench/peers/dlt_contacts.py. The CPU ratio is theirs over ours, so above 1 ours costs less.
"""


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        server, url, token = _serve(options.contacts)
        try:
            figures = _measure(options, Path(folder), url, token)
        finally:
            server.terminate()
            server.wait(20)
    _print(figures)
    target = HERE / "results" / f"contacts-{options.contacts}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dlt", help="interpreter that has dlt; left out: Penstock alone")
    return parser.parse_args()


def _serve(contacts: int) -> tuple[subprocess.Popen[str], str, str]:
    """The sandbox in a process of its own, its rows generated before anything is timed."""
    command = [sys.executable, "-m", "penstock", "sandbox", "activecampaign", "--port", "0"]
    command += ["--contacts", str(contacts), "--rate-limit", "0", "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    said = json.loads(server.stdout.readline())
    request = urllib.request.Request(
        f"{said['url']}/_sandbox/warm", json.dumps({"tables": ["contacts"]}).encode(), method="POST"
    )
    urllib.request.urlopen(request, timeout=1200).read()
    return server, said["url"], said["token"]


def _measure(options: argparse.Namespace, folder: Path, url: str, token: str) -> dict[str, Any]:
    """A, B, A, B: each tool reads everything into a new file each time; rows are counted."""
    tools = ["penstock"] + (["dlt items", "dlt arrow"] if options.dlt else [])
    costs: dict[str, list[Cost]] = {tool: [] for tool in tools}
    for number in range(options.runs):
        for tool in tools:
            place = folder / f"{tool.replace(' ', '-')}-{number}"
            place.mkdir()
            if tool == "penstock":
                cost, rows = _penstock(place, url, token)
            else:
                cost, rows = _dlt(options.dlt, place, url, token, tool.split()[1])
            if rows != options.contacts:
                raise RuntimeError(f"{tool} loaded {rows} rows instead of {options.contacts}")
            costs[tool].append(cost)
            print(f"{tool}: {cost}", file=sys.stderr)
    middle = {tool: median(items) for tool, items in costs.items()}
    ours = middle["penstock"]
    return {
        "contacts": options.contacts,
        "runs": options.runs,
        "date": time.strftime("%Y-%m-%d"),
        "tools": {tool: asdict(cost) for tool, cost in middle.items()},
        "rows_per_cpu_second": {
            tool: round(options.contacts / cost.cpu_s) for tool, cost in middle.items()
        },
        "times_dlt": {
            tool: round(cost.cpu_s / ours.cpu_s, 2)
            for tool, cost in middle.items()
            if tool != "penstock"
        },
    }


def _penstock(place: Path, url: str, token: str) -> tuple[Cost, int]:
    source = {"type": "activecampaign", "api_url": url, "api_key": "${AC_KEY}", "rate_limit": None}
    spec = {
        "version": 1,
        "sources": {"crm": source},
        "destinations": {"out": {"type": "duckdb", "path": "out.duckdb"}},
        "pipelines": {
            "p": {"source": "crm", "destination": "out", "objects": {"include": ["contacts"]}}
        },
    }
    (place / "penstock.yaml").write_text(json.dumps(spec))
    env = {**os.environ, "AC_KEY": token}
    command = [sys.executable, "-m", "penstock", "run", "p", "--json"]
    cost = run(command, env=env, cwd=str(place), log=str(place / "log.txt"))
    return cost, _count(place / "out.duckdb", "contacts")


def _dlt(python: str, place: Path, url: str, token: str, form: str) -> tuple[Cost, int]:
    env = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false", "NORMALIZE__WORKERS": "1"}
    script = str(HERE / "peers" / "dlt_contacts.py")
    file = place / "out.duckdb"
    command = [python, script, url, token, str(file), form]
    cost = run(command, env=env, cwd=str(place), log=str(place / "log.txt"))
    return cost, _count(file, "ac.contacts")


def _count(file: Path, table: str) -> int:
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute(f"select count(distinct id) from {table}").fetchone()
    assert found is not None
    return int(found[0])


def _print(figures: dict[str, Any]) -> None:
    print(f"{'tool':<12}{'CPU s':>9}{'wall s':>9}{'RSS MB':>9}{'rows/CPU-s':>13}{'CPU ratio':>11}")
    for tool, cost in figures["tools"].items():
        ratio = figures["times_dlt"].get(tool, 1.0)
        print(
            f"{tool:<12}{cost['cpu_s']:>9.2f}{cost['wall_s']:>9.2f}{cost['rss_mb']:>9.0f}"
            f"{figures['rows_per_cpu_second'][tool]:>13,}{ratio:>11.2f}"
        )
    if figures["times_dlt"]:
        print(FORMS, end="")


if __name__ == "__main__":
    main()
