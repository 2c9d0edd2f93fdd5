"""The machine's clock was ahead and is set back: versions keep their order."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import Space

AHEAD_MS = 90 * 86_400_000


def test_a_clock_set_back_lets_newer_rows_win(tmp_path: Path) -> None:
    pipeline = {"objects": {"include": ["tags"]}}
    with Sandbox(SandboxOptions(contacts=10, rate_limit=None, seed=7)) as box:
        destination = {"type": "duckdb", "path": "warehouse.duckdb"}
        place = Space(tmp_path, box, destination, pipeline=pipeline).write()
        assert place.run().code == 0
        ahead = int(time.time() * 1000) + AHEAD_MS
        # As if that run had been made by a clock three months ahead.
        catalog = next((tmp_path / ".penstock").glob("catalog*.db"))
        with closing(sqlite3.connect(catalog)) as connection, connection:
            connection.execute("update pipeline set ingested_floor = ?", [ahead])
        import duckdb

        with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as warehouse:
            warehouse.execute("update tags set _ps_ingested_at = ?", [ahead])
        box.update("tags", box.rows("tags")[0]["id"], tag="newer")
        box.delete("tags", box.rows("tags")[1]["id"])
        ended = place.run()
        assert (ended.code, ended.object("tags")["updated"]) == (0, 1)
        assert place.differences(("tags",)) == []
        assert min(row["_ps_ingested_at"] for row in place.rows("tags")) >= ahead
