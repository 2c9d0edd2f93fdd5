"""A full reload is cut short, and the load mode is changed before the next run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import Space

OBJECTS = ["contacts"]


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


def in_mode(place: Space, mode: str) -> Space:
    pipeline = {"load_mode": mode, "objects": {"include": OBJECTS}, "package_rows": 60}
    return replace(place, pipeline=pipeline).write()


@pytest.mark.parametrize(
    ("failpoint", "again"),
    [
        pytest.param("load.after_commit", (), id="half of the new table is filled"),
        pytest.param("stage.after_close:2", ("--full-refresh",), id="packages wait for it"),
    ],
)
def test_a_reload_of_a_history_ends_as_a_merge(
    tmp_path: Path, box: Sandbox, destination: dict[str, Any], failpoint: str, again: tuple[str]
) -> None:
    place = in_mode(Space(tmp_path, box, destination), "history")
    assert place.run().code == 0
    first = str(box.rows("contacts")[0]["id"])
    box.update("contacts", first, email="moved@example.org")
    assert place.run("--full-refresh", PENSTOCK_FAILPOINT=failpoint).code == -9
    place = in_mode(place, "merge")
    planned = place.command("plan", "crm", "--json")
    assert planned.code == 0, planned.err
    assert planned.lines[0]["statements"][0].startswith("CREATE TABLE ")
    ended = place.run(*again)
    assert ended.code == 0, ended.err
    assert place.differences(OBJECTS) == []
    assert "_ps_valid_from" not in place.rows("contacts")[0]
    assert place.leftovers() == []
    later = place.run()
    assert later.object("contacts")["inserted"] == 0
    assert place.differences(OBJECTS) == []
