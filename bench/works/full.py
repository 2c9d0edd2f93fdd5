"""A whole table from one database into another, by each tool in turn."""

from __future__ import annotations

from typing import Any

from bench.databases.equal import Print, fingerprint, types
from bench.databases.kinds import changed_kinds
from bench.databases.tables import fill_maria, fill_postgres
from bench.databases.tools import TOOLS, Route, Tool
from bench.measure import Cost, Failed, run
from bench.setting import Results, Setting

PATIENCE_S = 900


def source_url(setting: Setting, engine: str, table: str = "orders") -> str:
    """A database `shop` that has the table with the setting's number of rows."""
    place = setting.servers.postgres if engine == "postgres" else setting.servers.maria
    url = place.url("shop")
    if (engine, table, setting.rows) not in setting.filled:
        filled = setting.servers.postgres.fresh("shop")
        fill_postgres(filled, table, setting.rows)
        setting.filled = {one for one in setting.filled if one[0] != "postgres"}
        setting.filled.add(("postgres", table, setting.rows))
        if engine == "mysql":
            setting.servers.maria.execute(
                "drop database if exists shop", "create database shop character set utf8mb4"
            )
            client = setting.servers.maria.client("shop")
            fill_maria(client, filled, table, setting.folder)
            setting.filled.add(("mysql", table, setting.rows))
    return url


def target_url(setting: Setting, engine: str, name: str) -> str:
    """An empty target: a file, or a database of the tool's own."""
    name = name.replace(" ", "_")
    if engine == "duckdb":
        return f"duckdb:///{setting.folder}/{name}.duckdb"
    return setting.servers.postgres.fresh(f"target_{name}")


def clear(setting: Setting, route: Route) -> None:
    """Give the room of a target back."""
    if route.to_duckdb:
        for file in setting.folder.glob(f"{route.file.rpartition('/')[2]}*"):
            file.unlink()
    else:
        setting.servers.postgres.fresh(route.target.rpartition("/")[2])


def servers_of(setting: Setting, route: Route) -> list[int]:
    """Process ids of the servers that take part."""
    servers = [] if route.to_duckdb else [setting.servers.postgres.pid]
    if route.source_engine == "mysql":
        return [*servers, setting.servers.maria.pid]
    return servers or [setting.servers.postgres.pid]


def wrong(expected: Print, route: Route, tool: Tool) -> str:
    """What is not equal after a copy; nothing when all is."""
    try:
        found = fingerprint(route.target, route.table, tool.place(route))
    except Exception as error:
        raise Failed(f"its table cannot be compared: {error}") from error
    if found.rows != expected.rows:
        return f"{found.rows:,} rows instead of {expected.rows:,}"
    return "" if found == expected else "the values are not those of the source"


def measure(setting: Setting, source: str, target: str) -> dict[str, Any]:
    """A, B, A, B: each tool copies everything into a new place each time."""
    url = source_url(setting, source)
    expected = fingerprint(url, "orders")
    results = Results()
    tools = setting.tools(TOOLS, results)
    for _ in range(setting.runs):
        for name, tool in tools.items():
            results.attempt(
                name, lambda tool=tool: _once(setting, url, target, tool, expected, results)
            )
    return {"tools": results.figures()}


def _once(
    setting: Setting, url: str, target: str, tool: Tool, expected: Print, results: Results
) -> None:
    route = Route(url, target_url(setting, target, tool.name))
    clear(setting, route)
    cost = copy(setting, tool, route, setting.place(tool.name), merge=False)
    results.add(
        tool.name, cost, wrong=wrong(expected, route, tool),
        types=changed_kinds(types(route.target, tool.place(route)), route.table),
    )  # fmt: skip
    clear(setting, route)


def copy(setting: Setting, tool: Tool, route: Route, folder: Any, *, merge: bool) -> Cost:
    """One run of the tool, measured."""
    tool.prepare(route, folder)
    return run(
        tool.command(route, folder, merge=merge), env=tool.env(), cwd=str(folder),
        log=str(folder / "log.txt"), servers=servers_of(setting, route), patience_s=PATIENCE_S,
    )  # fmt: skip
