"""SIGKILL at every named place: nothing lost, nothing doubled, books balanced, no leftovers."""

from __future__ import annotations

from pathlib import Path

import pytest

from fault.matrix import Case, run_case, short_cases


@pytest.mark.parametrize("case", list(short_cases()), ids=str)
def test_a_kill_at_this_place_neither_loses_nor_doubles(
    case: Case, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    destination = {"type": "duckdb", "path": "warehouse.duckdb"}
    if case.destination == "postgres":
        url = request.getfixturevalue("postgres_url")
        destination = {"type": "postgres", "url": url, "schema": "crm"}
    elif case.destination == "mysql":
        destination = {"type": "mysql", "url": request.getfixturevalue("maria_url")}
    result = run_case(case, tmp_path / "space", destination)
    assert result.problems == []
    assert result.died > 0, "no run was killed: the place is not on this way"
