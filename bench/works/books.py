"""What the books cost: CPU spent inside of the code that keeps them, as a share of a whole load.

A script of the benchmark alone runs the same `penstock run`, with a clock around every function of
the catalog, the ledger and the package cards (see bench/references/books_clock.py). Comparing a
table with its source by hashes is a command of its own, `penstock verify`, and measured as one.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from bench.databases.tools import Penstock, Route
from bench.measure import Cost, median, run
from bench.setting import Setting, say
from bench.works.full import clear, servers_of, source_url, target_url

_CLOCK = Path(__file__).parents[1] / "references" / "books_clock.py"


def measure(setting: Setting) -> dict[str, Any]:
    url = source_url(setting, "postgres")
    tools = {}
    for target in ("duckdb", "postgres"):
        route = Route(url, target_url(setting, target, "books"))
        runs = [_once(setting, route) for _ in range(setting.runs)]
        load, verify = (median([one[at] for one in runs]) for at in (0, 1))
        clocks = [one[2] for one in runs]
        parts = {
            name: round(statistics.median(clock[name] for clock in clocks), 3) for name in clocks[0]
        }
        name = f"penstock into {'DuckDB' if target == 'duckdb' else 'PostgreSQL'}"
        tools[name] = {
            "cpu_s": round(load.cpu_s, 3),
            "books_cpu_s": round(sum(parts.values()), 3),
            "books_percent": round(100 * sum(parts.values()) / load.cpu_s, 1),
            "parts": parts,
            "verify_cpu_s": round(verify.cpu_s, 3),
            "verify_server_cpu_s": round(verify.server_cpu_s, 3),
        }
        say(f"{name}: {tools[name]}")
    return {"tools": tools}


def _once(setting: Setting, route: Route) -> tuple[Cost, Cost, dict[str, float]]:
    clear(setting, route)
    folder = setting.place("books")
    Penstock().prepare(route, folder)
    said = folder / "clock.json"
    costs = []
    for words in ([str(_CLOCK), str(said), "run", "p"], ["-m", "penstock", "verify", "p"]):
        costs.append(
            run(
                [sys.executable, *words], env=os.environ, cwd=str(folder),
                log=str(folder / "log.txt"), servers=servers_of(setting, route),
            )
        )  # fmt: skip
    clear(setting, route)
    return costs[0], costs[1], json.loads(said.read_text(encoding="utf-8"))
