"""NaN and infinite numbers of PostgreSQL in every destination (pipelines.md, conversion rules):
kept in columns of floating numbers where the engine has them, else null with a warning."""

from __future__ import annotations

import math
from typing import Any

import psycopg

from tables import Tables
from verified import compared, rows_of, tables

__all__ = ["tables"]

SEED = """
create table public.odd(id int primary key, r real, d double precision, n numeric(9, 2));
insert into public.odd
  values (1, 'NaN', 'NaN', 1), (2, 'Infinity', '-Infinity', 2), (3, 1.5, 2.5, 3)
"""


def test_they_are_kept_where_the_engine_has_them(tables: Tables, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as source:
        source.execute(SEED)
    summary = tables.run()
    stored = rows_of(tables, "select r, d from odd order by id")
    assert tables.destination is not None
    if tables.destination["type"] == "mysql":
        assert stored == [(None, None), (None, None), (1.5, 2.5)]
        told = " ".join(summary.warnings)
        assert "2 values of r were not a finite number" in told
        assert "2 values of d were not a finite number" in told
    else:
        assert [[shown(v) for v in row] for row in stored] == [
            ["NaN", "NaN"], [math.inf, -math.inf], [1.5, 2.5],
        ]  # fmt: skip
        assert summary.warnings == ()
    assert compared(tables)["odd"].status == "equal"


def shown(value: float) -> Any:
    """NaN is equal to nothing, not even to itself."""
    return "NaN" if math.isnan(value) else value


def test_a_numeric_has_no_place_for_them(tables: Tables, postgres_url: str) -> None:
    """Such rows are failed events, or all numerics are text, as the setting says."""
    with psycopg.connect(postgres_url) as source:
        source.execute(SEED)
        source.execute("insert into public.odd values (4, 0, 0, 'NaN')")
    summary = tables.tried()
    assert (summary.status, summary.totals.failed) == ("COMPLETED_WITH_FAILURES", 1)
    assert rows_of(tables, "select count(*) from odd") == [(3,)]
