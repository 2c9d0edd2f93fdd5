"""All works that can be measured, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.setting import Setting
from bench.works import changes, full, merge


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


WORKS = {
    "pg-pg": Work(200_000, 1_500_000, partial(full.measure, source="postgres", target="postgres")),
    "pg-duckdb": Work(
        200_000, 1_500_000, partial(full.measure, source="postgres", target="duckdb")
    ),
    "maria-duckdb": Work(
        200_000, 1_500_000, partial(full.measure, source="mysql", target="duckdb")
    ),
    "merge-duckdb": Work(300_000, 1_500_000, partial(merge.measure, target="duckdb")),
    "merge-pg": Work(300_000, 1_500_000, partial(merge.measure, target="postgres")),
    "changes-pg": Work(100_000, 1_000_000, partial(changes.measure, source="postgres")),
    "changes-maria": Work(100_000, 1_000_000, partial(changes.measure, source="mysql")),
}
