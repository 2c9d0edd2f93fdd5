"""A disk is full, really: clear words, exit 75, and all goes on once there is room again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fault.small_disk import small_disk
from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import Space

OBJECTS = ("contacts", "tags")
PLACES: dict[str, tuple[dict[str, Any], str, str]] = {
    "staging": ({"staging": "small/staging"}, "w.duckdb", "staging.disk_full"),
    "file": ({}, "small/w.duckdb", "destination.disk_full"),
    "catalog": ({"catalog": "small/catalog.db"}, "w.duckdb", "catalog.disk_full"),
}


@pytest.mark.parametrize(
    ("place", "left_kib"),
    [("staging", 0), ("staging", 256), ("file", 40), ("catalog", 0), ("catalog", 80)],
)
def test_a_full_disk_loses_nothing(tmp_path: Path, place: str, left_kib: int) -> None:
    state, file, code = PLACES[place]
    with (
        small_disk(tmp_path / "small") as disk,
        Sandbox(SandboxOptions(contacts=30, rate_limit=None, seed=3)) as box,
    ):
        space = Space(
            tmp_path, box, {"type": "duckdb", "path": file},
            {"objects": {"include": list(OBJECTS)}}, state=state, prefix=disk.prefix,
        ).write()  # fmt: skip
        assert space.run().code == 0
        box.add("contacts", 3_000)
        disk.fill(left_kib)
        full = space.run()
        assert full.code == 75, (full.out, full.err)
        assert code in full.out
        assert "Free some space" in full.out
        assert "Traceback" not in full.out + full.err
        disk.free()
        after = space.run()
        assert after.code == 0, (after.out, after.err)
        if place == "file":
            disk.run("cp", file, "w.duckdb")
            space.destination = {"type": "duckdb", "path": "w.duckdb"}
        assert space.differences(OBJECTS) == []
        assert len(space.rows("contacts")) == len(box.rows("contacts"))
