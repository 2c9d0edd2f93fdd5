"""The worked examples of loading (pipelines.md 4.2 and 4.4) against DuckDB, value by value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from penstock.connectors.destinations.duckdb.config import Config
from penstock.connectors.destinations.duckdb.destination import DuckDb
from penstock.core.load import WriteMode
from penstock.engine.collapse import collapse
from penstock.sdk.conformance.kit import Loads, read

STORED = [
    {"id": 1, "v": "old", "at": 100},
    {"id": 2, "v": "keep", "at": 300},
    {"id": 4, "v": "x", "at": 50},
]
STAGED = [
    {"id": 1, "v": "a", "at": 200, "seq": 10},
    {"id": 1, "v": "b", "at": 200, "seq": 11},
    {"id": 2, "v": "stale", "at": 250, "seq": 20},
    {"id": 3, "v": "new", "at": 210, "seq": 12},
    {"id": 4, "op": "D", "at": 220, "seq": 13},
    {"id": 5, "v": "ins", "at": 230, "seq": 14},
    {"id": 5, "op": "D", "at": 231, "seq": 15},
]


@pytest.fixture
def destination(tmp_path: Path) -> DuckDb:
    return DuckDb(Config(path=tmp_path / "warehouse.duckdb"))


def test_seven_rows_meet_three(destination: DuckDb, tmp_path: Path) -> None:
    loads = Loads(tmp_path)
    first = loads(STORED, loaded_at=1)
    destination.load(first)
    load = loads(STAGED, loaded_at=999)
    # Steps 1 to 4: what the engine does when it closes a package.
    dropped = collapse(load.files, load.key)
    assert dropped == 2
    receipt = destination.load(replace(load, rows=load.rows - dropped))
    assert read(destination, "id", "v", "_ps_deleted", "_ps_ingested_at", "_ps_loaded_at") == [
        (1, "b", False, 200, 999),
        (2, "keep", False, 300, 1),
        (3, "new", False, 210, 999),
        (4, "x", True, 220, 999),
        (5, None, True, 231, 999),
    ]
    assert (receipt.inserted, receipt.updated, receipt.deleted, receipt.unchanged) == (1, 1, 2, 1)
    destination.close()


def test_a_subscription_and_its_history(destination: DuckDb, tmp_path: Path) -> None:
    loads = Loads(tmp_path)
    # 2024-05-01 10:00 and 12:00 UTC in milliseconds
    for v, at in (("trial", 1_714_557_600_000), ("paid", 1_714_564_800_000)):
        destination.load(loads([{"id": 1, "v": v, "at": at}], WriteMode.HISTORY))
    found = read(destination, "v", "_ps_valid_from", "_ps_valid_to", "_ps_is_active")
    assert [(v, str(start), str(end), active) for v, start, end, active in found] == [
        ("paid", "2024-05-01 12:00:00", "9999-12-31 23:59:59", True),
        ("trial", "2024-05-01 10:00:00", "2024-05-01 11:59:59.999000", False),
    ]
    destination.close()
