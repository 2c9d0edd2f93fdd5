"""The machine's clock is set back, between runs or within one: versions keep their order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import penstock
from fault.matrix import MODES, change
from fault.truths import OBJECTS, States, compare
from penstock.core.clock import Forward
from penstock.core.records import FailedFilter
from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from penstock.store import Catalog
from penstock.worker import jobs
from runs import Space

AHEAD_MS = 90 * 86_400_000
BACK_MS = 86_400_000


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(contacts=160, rate_limit=None, seed=7)) as sandbox:
        yield sandbox


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def destination(request: pytest.FixtureRequest) -> dict[str, Any]:
    if request.param == "duckdb":
        return {"type": "duckdb", "path": "warehouse.duckdb"}
    url = request.getfixturevalue("postgres_url")
    return {"type": "postgres", "url": url, "schema": "crm"}


def space(root: Path, box: Sandbox, destination: dict[str, Any], mode: str) -> Space:
    pipeline = {"load_mode": mode, "objects": {"include": list(OBJECTS)}, "package_rows": 60}
    return Space(root, box, destination, pipeline=pipeline).write()


def run_at(
    place: Space,
    monkeypatch: pytest.MonkeyPatch,
    times_ms: Iterator[int],
    status: str = "COMPLETED",
) -> None:
    """One job here in this process, whose clock tells these times one after the other."""
    monkeypatch.setenv("AC_KEY", place.box.token)
    monkeypatch.setattr(jobs, "Forward", partial(Forward, now=times_ms.__next__))
    assert penstock.open(place.root).run("crm").status == status


def moved_back(start_ms: int) -> Iterator[int]:
    """A clock that goes back a day with every look at it."""
    return count(start_ms, -BACK_MS)


def times(place: Space, table: str) -> list[int]:
    return [row["_ps_ingested_at"] for row in place.rows(table)]


@pytest.mark.parametrize("mode", MODES)
def test_a_clock_set_back_between_runs(
    tmp_path: Path,
    box: Sandbox,
    destination: dict[str, Any],
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first run's clock is three months ahead; newer rows and deletes win all the same."""
    place, states = space(tmp_path, box, destination, mode), States()
    states.look(box)
    now = int(time.time() * 1000)
    run_at(place, monkeypatch, count(now + AHEAD_MS))
    change(box)
    states.look(box)
    run_at(place, monkeypatch, count(now))
    assert compare(place, mode, states) == []
    assert min(min(times(place, table)) for table in OBJECTS) >= now + AHEAD_MS


@pytest.mark.parametrize("mode", MODES)
def test_a_clock_that_jumps_back_within_a_run(
    tmp_path: Path,
    box: Sandbox,
    destination: dict[str, Any],
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, states = space(tmp_path, box, destination, mode), States()
    states.look(box)
    now = int(time.time() * 1000)
    run_at(place, monkeypatch, moved_back(now))
    change(box)
    states.look(box)
    run_at(place, monkeypatch, moved_back(now - BACK_MS))
    assert compare(place, mode, states) == []
    assert {at for table in OBJECTS for at in times(place, table)} == {now}


def test_an_unreadable_row_has_the_time_of_its_neighbours(
    tmp_path: Path, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay keeps the time: with that of the machine the row would lose to older ones."""
    place = space(tmp_path, box, {"type": "duckdb", "path": "warehouse.duckdb"}, "merge")
    now = int(time.time() * 1000)
    run_at(place, monkeypatch, count(now + AHEAD_MS))
    box.spoil("tags", 2, "not_object")
    run_at(place, monkeypatch, count(now), status="COMPLETED_WITH_FAILURES")
    with Catalog.open(tmp_path / ".penstock" / "catalog.db") as catalog:
        (event,) = catalog.failed.list("crm", FailedFilter())
    assert event.object == "tags"
    assert event.ingested_at >= now + AHEAD_MS
