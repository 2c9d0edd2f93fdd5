"""The benchmark runs: ours and the bare reference, on tables of a thousand rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from bench import page, results
from bench.databases.equal import fingerprint
from bench.databases.places import Servers
from bench.databases.tables import execute, fill_postgres
from bench.databases.tools import Bare, Route
from bench.setting import Setting
from bench.works import full, merge

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

TOOLS = ["penstock", "bare reference"]


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    with ExitStack() as stack:
        yield Setting(1_000, 1, TOOLS, tmp_path, Servers(stack, tmp_path))


def test_copies_and_merges_are_measured_and_equal(setting: Setting, tmp_path: Path) -> None:
    works = {
        "pg-duckdb": full.measure(setting, "postgres", "duckdb"),
        "merge-pg": merge.measure(setting, "postgres"),
    }
    for name, figures in works.items():
        for tool in TOOLS:
            measured = figures["tools"][tool]
            assert measured["cpu_s"] > 0, measured
            assert measured["rss_mb"] > 0
            assert not {"wrong", "failed", "types"} & measured.keys(), measured
        results.save(name, {"rows": setting.rows, "runs": 1, **figures}, tmp_path)
    text = page.text(tmp_path)
    assert "## PostgreSQL to DuckDB" in text
    assert "## Changed rows into PostgreSQL" in text


def test_a_copy_with_one_changed_value_is_wrong(setting: Setting) -> None:
    url = full.source_url(setting, "postgres")
    target = full.target_url(setting, "postgres", "copy")
    fill_postgres(target, "orders", setting.rows)
    route, expected = Route(url, target), fingerprint(url, "orders")
    assert full.wrong(expected, route, Bare()) == ""
    execute(target, "update orders set o_totalprice = o_totalprice + 0.01 where o_orderkey < 6")
    assert full.wrong(expected, route, Bare()) == "the values are not those of the source"
    execute(target, "delete from orders where o_orderkey < 6")
    assert full.wrong(expected, route, Bare()).endswith("instead of 1,000")
