"""Packages that an earlier job left behind: what the next job makes of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import TransientError
from penstock.core.mapping import Column, Mapping
from penstock.core.stream import Split, Stream
from penstock.engine.run import run
from penstock.engine.task import Task
from penstock.engine.uniform import make_uniform
from penstock.sdk.source import ReadContext, Source, Step
from unit.engine.doubles import ListSource, MemoryCatalog, MemoryDestination, task

AWAY = TransientError("away", code="destination.unreachable")


@pytest.fixture
def destination() -> MemoryDestination:
    return MemoryDestination()


@pytest.fixture
def catalog() -> MemoryCatalog:
    return MemoryCatalog()


def rows(*ids: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"n{number}", **more} for number in ids]


def start(job: Task) -> Any:
    return run(job, job.source.plan(job.source.discover()))


def ids(destination: MemoryDestination, table: str = "people") -> set[int]:
    return {row["id"] for row in destination.tables.get(table, [])}


def leave_a_package(folder: Path, destination: MemoryDestination, catalog: MemoryCatalog) -> None:
    """A job that reads half of the source and cannot deliver it."""
    source = ListSource([rows(1), rows(2)], fail_at=1, error=TransientError("source away"))
    destination.away = [AWAY]
    start(task(folder, source, destination, catalog))
    assert len(list(folder.rglob("package.json"))) == 1


def test_a_full_reload_begins_at_the_start_and_not_where_a_leftover_ends(
    tmp_path: Path, destination: MemoryDestination, catalog: MemoryCatalog
) -> None:
    leave_a_package(tmp_path, destination, catalog)
    source = ListSource([rows(1), rows(2)])
    job = task(tmp_path, source, destination, catalog)
    job.plans = {name: replace(plan, generation=1) for name, plan in job.plans.items()}
    start(job)
    assert source.reads == [0]


def test_without_a_reload_reading_goes_on_where_a_leftover_ends(
    tmp_path: Path, destination: MemoryDestination, catalog: MemoryCatalog
) -> None:
    leave_a_package(tmp_path, destination, catalog)
    source = ListSource([rows(1), rows(2)])
    start(task(tmp_path, source, destination, catalog))
    assert source.reads == [1]
    assert ids(destination) == {1, 2}


def test_a_leftover_older_than_the_ledger_does_not_move_the_position_back(
    tmp_path: Path, destination: MemoryDestination, catalog: MemoryCatalog
) -> None:
    leave_a_package(tmp_path, destination, catalog)
    source = ListSource([rows(1), rows(2), rows(3)])
    job = task(tmp_path, source, destination, catalog)
    job.package_numbers["people"] = 7
    job.checkpoints["people"] = Checkpoint({"next": 2, "pass": "other"})
    start(job)
    assert source.reads == [2]


def test_a_package_can_be_delivered_although_the_catalog_is_lost(
    tmp_path: Path, destination: MemoryDestination, catalog: MemoryCatalog
) -> None:
    leave_a_package(tmp_path, destination, catalog)
    lost = MemoryCatalog()
    outcome = start(task(tmp_path, ListSource([rows(1), rows(2)]), destination, lost))
    assert outcome.fatal is None
    assert ids(destination) == {1, 2}
    assert lost.scopes["columns:people"] == {"id": "id", "name": "name"}


def test_a_catalog_set_back_learns_the_columns_of_a_package(
    tmp_path: Path, destination: MemoryDestination, catalog: MemoryCatalog
) -> None:
    before = MemoryCatalog()
    start(task(tmp_path, ListSource([rows(1)]), destination, before))
    catalog.mappings, catalog.scopes = dict(before.mappings), dict(before.scopes)
    destination.away = [AWAY]
    start(task(tmp_path, ListSource([rows(2, city="Pune")]), destination, catalog))
    start(task(tmp_path, ListSource([rows(1)]), destination, before))
    assert {row.get("city") for row in destination.tables["people"]} == {None, "Pune"}
    assert "city" in destination.schemas["people"].names


def test_a_file_of_a_package_is_rewritten_beside_itself(tmp_path: Path) -> None:
    file, old = tmp_path / "rows.parquet", tmp_path / "old"
    pq.write_table(pa.table({"n": pa.array([1, 2], pa.int32())}), file)
    os.link(file, old)
    make_uniform([file], Mapping("x", "x", (), (Column("n", "n", pa.field("n", pa.string())),)))
    assert pq.read_table(file).to_pylist() == [{"n": "1"}, {"n": "2"}]
    # Written in place, a crash half-way would leave neither: the other name shows the bytes.
    assert pq.read_table(old).to_pylist() == [{"n": 1}, {"n": 2}]


@dataclass
class Pair(Source):
    """One split with two streams, of which the first brings only an event that failed."""

    def check(self) -> Iterator[Step]:
        yield Step("pair", ok=True)

    def discover(self) -> list[Stream]:
        schema = pa.schema([("id", pa.int64())])
        return [Stream(name, schema, ("id",), reports_deletes=True) for name in ("a", "b")]

    def plan(self, streams: Any, saved: Any = None) -> list[Split]:
        return [Split("pair", tuple(stream.name for stream in streams))]

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        without_key = pa.RecordBatch.from_pylist([{"id": None}], pa.schema([("id", pa.int64())]))
        yield Batch("a", rows=without_key)
        yield Batch("b", rows=pa.RecordBatch.from_pylist([{"id": 1}]), checkpoint=Checkpoint({}))


def test_every_table_of_a_package_has_a_load_id_of_its_own(
    tmp_path: Path, destination: MemoryDestination, catalog: MemoryCatalog
) -> None:
    outcome = start(task(tmp_path, Pair(), destination, catalog))
    assert outcome.fatal is None
    assert ids(destination, "b") == {1}
    assert len({load.load_id for load in destination.loads}) == len(destination.loads) == 2
