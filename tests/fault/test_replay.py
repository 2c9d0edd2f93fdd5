"""Failed events that come again: once, and never over anything newer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import Space


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(contacts=10, rate_limit=None, seed=7)) as sandbox:
        yield sandbox


def test_a_replay_that_was_killed_brings_its_events_once(tmp_path: Path, box: Sandbox) -> None:
    def space(**more: Any) -> Space:
        pipeline = {
            "load_mode": "append", "objects": {"include": ["tags"]}, "keep_op_column": True, **more,
        }  # fmt: skip
        return Space(tmp_path, box, {"type": "duckdb", "path": "w.duckdb"}, pipeline).write()

    place = space(schema_policy="BLOCK_ALL")
    assert place.run().code == 0
    tag = box.rows("tags")[1]["id"]
    box.update("tags", tag, subscriber_count="many")
    assert place.run().code == 3
    box.update("tags", tag, subscriber_count="5")
    assert place.run().code == 0
    place = space()
    words = ("failed", "crm", "replay", "--json")
    assert place.command(*words, PENSTOCK_FAILPOINT="stage.after_close").code < 0
    ended = place.command(*words)
    assert (ended.code, ended.summary["loaded"]) == (0, 1)
    rows = sorted(place.rows("tags", f"id = {tag}"), key=lambda row: row["_ps_loaded_at"])
    assert [row["subscriber_count"] for row in rows].count("many") == 1
    # It came last, and keeps the time of its reading: the version after it is still the newest.
    newest = max(rows, key=lambda row: row["_ps_ingested_at"])
    assert (rows[-1]["subscriber_count"], newest["subscriber_count"]) == ("many", "5")
    assert rows[-1]["_ps_op"] == "R"
