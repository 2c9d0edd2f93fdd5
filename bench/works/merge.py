"""What changed since the last run, merged into a table that is there already.

The tables are loaded once by each tool. In each turn other rows of the source are changed, and
then every tool merges them into its table.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from bench.databases.equal import Print, fingerprint, types
from bench.databases.kinds import changed_kinds
from bench.databases.tables import change_orders, execute
from bench.databases.tools import TOOLS, Route, Tool
from bench.setting import Results, Setting
from bench.works.full import clear, copy, source_url, target_url, wrong

# One row of fifteen, as 100,000 of 1.5 million.
_SHARE = 15


def measure(setting: Setting, target: str) -> dict[str, Any]:
    url = source_url(setting, "postgres")
    # Every tool asks for what changed by this column.
    execute(url, "create index if not exists orders_updated_at on orders (updated_at)")
    results = Results()
    tools = setting.tools(TOOLS, results)
    routes = {name: Route(url, target_url(setting, target, f"m_{name}")) for name in tools}
    folders = {name: setting.place(f"merge {name}") for name in tools}
    for name, tool in tools.items():
        clear(setting, routes[name])
        results.attempt(name, partial(_load, setting, tool, routes[name], folders[name]))
    changed = setting.rows // _SHARE
    for turn in range(setting.runs):
        change_orders(url, setting.rows, changed, turn)
        expected = fingerprint(url, "orders")
        for name, tool in tools.items():
            results.attempt(
                name, partial(_merge, setting, tool, routes[name], folders[name], expected, results)
            )
    for route in routes.values():
        clear(setting, route)
    # The rows are no longer those of a fresh table.
    setting.filled.discard(("postgres", "orders", setting.rows))
    return {"changed": changed, "tools": results.figures()}


def _load(setting: Setting, tool: Tool, route: Route, folder: Path) -> None:
    copy(setting, tool, route, folder, merge=tool.first_merges)


def _merge(
    setting: Setting, tool: Tool, route: Route, folder: Path, expected: Print, results: Results
) -> None:
    cost = copy(setting, tool, route, folder, merge=True)
    results.add(
        tool.name, cost, wrong=wrong(expected, route, tool),
        types=changed_kinds(types(route.target, tool.place(route)), route.table),
    )  # fmt: skip
