"""All works that can be measured, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.setting import Setting
from bench.works import books, changes, full, late, latency, memory, merge, odd


@dataclass(frozen=True)
class Work:
    """Args:
    rows: size by default, so that all works end in reasonable time.
    full_rows: size for the page.
    measure: gives at least `tools`, the figures of each by its name.
    """

    rows: int
    full_rows: int
    measure: Callable[[Setting], dict[str, Any]]


def _full(source: str, target: str) -> Work:
    return Work(200_000, 1_500_000, partial(full.measure, source=source, target=target))


WORKS = {
    "pg-pg": _full("postgres", "postgres"),
    "pg-duckdb": _full("postgres", "duckdb"),
    "maria-duckdb": _full("mysql", "duckdb"),
    "odd-types": Work(1, 1, odd.measure),
    "merge-duckdb": Work(300_000, 1_500_000, partial(merge.measure, target="duckdb")),
    "merge-pg": Work(300_000, 1_500_000, partial(merge.measure, target="postgres")),
    "changes-pg": Work(100_000, 1_000_000, partial(changes.measure, source="postgres")),
    "changes-maria": Work(100_000, 1_000_000, partial(changes.measure, source="mysql")),
    "latency": Work(50_000, 300_000, latency.measure),
    "memory": Work(2_000_000, 20_000_000, partial(memory.measure, target="duckdb")),
    "books": Work(500_000, 1_500_000, books.measure),
    "late": Work(20_000, 200_000, late.measure),
}
