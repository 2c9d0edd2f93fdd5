"""The benchmark's arithmetic and its page, on figures made up here."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bench import page, results
from bench.databases.kinds import changed_kinds, kind_of
from bench.goals import GOALS, best_peer
from bench.measure import Cost, Failed, median, run
from bench.setting import Results
from bench.works.latency import latencies_of
from bench.works.memory import flatness
from bench.works.odd import same
from bench.works.percentiles import percentile


def cost(cpu_s: float, wall_s: float = 1, rss_mb: float = 100) -> Cost:
    return Cost(cpu_s, wall_s, rss_mb)


def tool(cpu_s: float, **more: Any) -> dict[str, Any]:
    return {"cpu_s": cpu_s, "wall_s": 2.0, "rss_mb": 200.0, "server_cpu_s": 0.5, **more}


def test_the_median_is_taken_of_each_figure_by_itself() -> None:
    assert median([cost(1, 9, 5), cost(3, 7, 6), cost(2, 8, 4)]) == cost(2, 8, 5)
    assert median([cost(1), cost(2)]).cpu_s == 1.5


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert percentile(values, 50) == 50
    assert percentile(values, 99) == 99
    assert percentile([7.0], 99) == 7


def test_a_transaction_is_seen_with_a_later_one() -> None:
    committed = {1: 10.0, 2: 10.1, 3: 10.2}
    assert latencies_of(committed, {2: 10.5, 3: 10.6}) == pytest.approx([0.5, 0.4, 0.4])


def test_memory_that_grows_is_seen_in_its_last_quarter() -> None:
    assert flatness([10, 50, 50, 90]) == {"second_quarter_mb": 50, "last_quarter_mb": 90}


def test_a_wrong_copy_is_no_best_peer() -> None:
    tools = {
        "bare reference": tool(1), "penstock": tool(2), "fast": tool(1.5, wrong="9 rows"),
        "slow": tool(6), "slower": tool(7), "absent": {"failed": "no"},
    }  # fmt: skip
    assert best_peer(tools) == "slow"
    (verdict,) = GOALS["pg-pg"]({"rows": 10, "tools": tools})
    assert verdict.measured == "3.00x slow"
    assert verdict.reached


def test_a_goal_is_not_reached_by_a_wrong_copy_of_ours() -> None:
    tools = {"penstock": tool(1, wrong="values"), "slow": tool(60)}
    (verdict,) = GOALS["pg-pg"]({"rows": 10, "tools": tools})
    assert not verdict.reached


def test_a_tool_that_failed_is_left_alone_and_noted() -> None:
    measured = Results()

    def fails() -> None:
        raise Failed("ended with 1")

    def never() -> None:
        raise AssertionError("it was asked again")

    measured.attempt("odd one", fails)
    measured.attempt("odd one", never)
    measured.add("good one", cost(1), wrong="", types={})
    figures = measured.figures()
    assert figures["odd one"] == {"failed": "ended with 1"}
    assert figures["good one"]["cpu_s"] == 1
    assert "wrong" not in figures["good one"]


def test_a_command_that_fails_is_told_by_the_end_of_its_output(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "print('first', flush=True); raise SystemExit('no such table')",
    ]
    with pytest.raises(Failed, match="ended with 1: first / no such table"):
        run(command, env={}, cwd=str(tmp_path), log=str(tmp_path / "log"))


def test_types_that_became_others_are_told() -> None:
    assert kind_of("DECIMAL(15,2)") == "exact number"
    assert kind_of("TIMESTAMP WITH TIME ZONE") == "instant"
    found = {"id": "BIGINT", "part": "INTEGER", "amount": "DOUBLE", "made": "TIMESTAMP"}
    assert changed_kinds(found, "narrow") == {"amount": "DOUBLE"}


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (18446744073709551615, "18446744073709551615"),
        (Decimal("1.50"), "1.5"),
        ({"n": 12345678901234567890}, '{"n": 12345678901234567890}'),
        ([1, None, 3], "{1,NULL,3}"),
        (b"\x00\xff", "\\x00ff"),
        ("101000000001", b"\xa0\x10"),
        (0.1, 0.1),
    ],
)
def test_the_same_value_in_another_form_is_the_same(expected: Any, found: Any) -> None:
    assert same(expected, found)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (18446744073709551615, -1),
        (Decimal("0.1234567890123"), "0.1234567890"),
        ({"n": 12345678901234567890}, '{"n": 12345678901234567000}'),
        ("", None),
        ("NULL", None),
    ],
)
def test_a_value_that_was_cut_is_another(expected: Any, found: Any) -> None:
    assert not same(expected, found)


def test_tools_that_were_not_measured_again_keep_their_figures(tmp_path: Path) -> None:
    results.save("pg-pg", {"rows": 10, "tools": {"a": tool(1), "b": tool(2)}}, tmp_path)
    results.save("pg-pg", {"rows": 10, "tools": {"b": tool(3)}}, tmp_path)
    kept = results.load("pg-pg", tmp_path)["tools"]
    assert (kept["a"]["cpu_s"], kept["b"]["cpu_s"]) == (1, 3)
    results.save("pg-pg", {"rows": 20, "tools": {"b": tool(4)}}, tmp_path)
    assert list(results.load("pg-pg", tmp_path)["tools"]) == ["b"]


def test_the_page_shows_what_was_not_reached_and_what_was_wrong(tmp_path: Path) -> None:
    tools = {
        "bare reference": tool(1), "penstock": tool(4), "best": tool(5),
        "liar": tool(0.5, wrong="9 rows instead of 10"), "absent": {"failed": "a | b"},
    }  # fmt: skip
    results.save("pg-duckdb", {"rows": 10, "tools": tools}, tmp_path)
    text = page.text(tmp_path)
    assert "| 1.25x best | no |" in text
    assert "| **penstock** | 4.00 | 0.50 | 2.0 | 200 | 2 | 4.00 |" in text
    assert "liar (wrong)" in text
    assert "- liar is wrong: 9 rows instead of 10." in text
    assert "- absent: `a / b`" in text
    assert "## PostgreSQL to PostgreSQL" not in text
