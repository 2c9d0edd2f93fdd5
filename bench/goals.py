"""What we want, and whether the figures reach it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

BARE, OURS = "bare reference", "penstock"
Figures = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    wanted: str
    measured: str
    reached: bool


def right(tools: Figures) -> Figures:
    """Tools that were measured and whose copies were equal to the source."""
    return {name: one for name, one in tools.items() if "cpu_s" in one and "wrong" not in one}


def best_peer(tools: Figures) -> str | None:
    """The peer that used the least CPU for an equal copy."""
    peers = {name: one for name, one in right(tools).items() if name not in (OURS, BARE)}
    return min(peers, key=lambda name: peers[name]["cpu_s"], default=None)


def _times_peer(figures: Figures, what: str, least: float) -> list[Verdict]:
    tools = figures["tools"]
    wanted = f"{what}: at least {least:g}x the rows per CPU-second of the best peer"
    peer = best_peer(tools)
    if peer is None or OURS not in right(tools):
        return [Verdict(wanted, "no equal copies to compare", reached=False)]
    ratio = tools[peer]["cpu_s"] / tools[OURS]["cpu_s"]
    return [Verdict(wanted, f"{ratio:.2f}x {peer}", ratio >= least)]


def _merge(figures: Figures, what: str) -> list[Verdict]:
    tools = figures["tools"]
    changed = f"{what}, {figures['changed']:,} changed rows of {figures['rows']:,}"
    verdicts = []
    if {OURS, BARE} <= right(tools).keys():
        ratio = tools[OURS]["cpu_s"] / tools[BARE]["cpu_s"]
        wanted = f"{changed}: at most 1.5x the CPU of the bare reference"
        verdicts.append(Verdict(wanted, f"{ratio:.2f}x", ratio <= 1.5))
    return [*verdicts, *_times_peer(figures, changed, 1)]


def _changes(figures: Figures, what: str) -> list[Verdict]:
    tools, count = figures["tools"], figures["changes"]
    verdicts = []
    for name, one in right(tools).items():
        if not name.startswith(OURS):
            continue
        into = f"{what} {name.removeprefix(OURS).strip()}"
        pace = count / one["wall_s"]
        verdicts.append(
            Verdict(f"{into}: at least 60,000 changes/s", f"{pace:,.0f}/s", pace >= 60_000)
        )
        memory = one["rss_mb"]
        verdicts.append(Verdict(f"{into}: at most 300 MB", f"{memory:.0f} MB", memory <= 300))
        if "cpu_s" in tools.get("debezium", {}):
            ratio = tools["debezium"]["cpu_s"] / one["cpu_s"]
            wanted = f"{into}: at least 4x the changes per CPU-second of Debezium"
            verdicts.append(Verdict(wanted, f"{ratio:.2f}x", ratio >= 4))
    return verdicts


def _latency(figures: Figures) -> list[Verdict]:
    one = figures["tools"].get(OURS, {})
    if "p99_ms" not in one:
        return []
    wanted = "5,000 changes/s, commit to visible in PostgreSQL: p99 at most 1 s"
    measured = f"{one['p99_ms']:,} ms at {one['changes_per_s']:,} changes/s"
    return [Verdict(wanted, measured, one["p99_ms"] <= 1000)]


def _memory(figures: Figures) -> list[Verdict]:
    one = figures["tools"].get(OURS, {})
    if "last_quarter_mb" not in one:
        return []
    growth = one["last_quarter_mb"] / one["second_quarter_mb"]
    wanted = (
        f"{figures['rows']:,} rows under {figures['budget']}: finishes, memory flat (within 10 %)"
    )
    measured = f"{one['second_quarter_mb']:.0f} MB, later {one['last_quarter_mb']:.0f} MB"
    return [Verdict(wanted, measured, growth <= 1.1 and "wrong" not in one)]


def _books(figures: Figures) -> list[Verdict]:
    return [
        Verdict(
            f"books, {name.removeprefix(OURS).strip()}: at most 10 % of the CPU",
            f"{one['books_percent']:.1f} %",
            one["books_percent"] <= 10,
        )
        for name, one in figures["tools"].items()
        if "books_percent" in one
    ]


def _late(figures: Figures) -> list[Verdict]:
    return [
        Verdict(
            f"rows committed late, {one['written']:,} written: none lost",
            f"{one['lost']:,} lost",
            one["lost"] == 0,
        )
        for name, one in figures["tools"].items()
        if name == OURS and "lost" in one
    ]


GOALS: dict[str, Callable[[Figures], list[Verdict]]] = {
    "pg-pg": partial(_times_peer, what="PostgreSQL to PostgreSQL", least=2.5),
    "pg-duckdb": partial(_times_peer, what="PostgreSQL to DuckDB", least=2),
    "maria-duckdb": partial(_times_peer, what="MariaDB to DuckDB", least=1.3),
    "merge-duckdb": partial(_merge, what="merge into DuckDB"),
    "merge-pg": partial(_merge, what="merge into PostgreSQL"),
    "changes-pg": partial(_changes, what="PostgreSQL's log"),
    "changes-maria": partial(_changes, what="MariaDB's log"),
    "latency": _latency,
    "memory": _memory,
    "books": _books,
    "late": _late,
}
