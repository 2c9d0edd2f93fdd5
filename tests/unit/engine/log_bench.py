"""One pipeline from a database in memory, its log included, to a real destination and catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from logged import Database, LogSource
from penstock.core.load import WriteMode
from penstock.core.records import DataKind, Generation, JobType
from penstock.core.registry import Registry
from penstock.engine.run import Outcome, run
from penstock.engine.task import Task
from penstock.sdk.destination import Destination
from penstock.sdk.opening import open_destination
from penstock.store import Catalog
from penstock.worker.memory import CatalogMemory
from penstock.worker.positions import drop_cut_off, start_positions
from unit.engine.doubles import MemoryCatalog, task


class Bench:
    """Catalog, staging and destination outlive the jobs; the clock goes on by a second each."""

    def __init__(self, folder: Path, destination: Destination, schema: str) -> None:
        self.folder = folder
        self.destination = destination
        self.schema = schema
        self.catalog = Catalog.open(str(folder / "catalog.db"))
        self.catalog.pipelines.ensure("p", "memory", "memory")
        self.now = 1_000
        self.job: Task

    def run(self, source: LogSource, mode: WriteMode = WriteMode.MERGE, **changes: Any) -> Outcome:
        self.prepare(source, mode, **changes)
        return self.go()

    def prepare(
        self, source: LogSource, mode: WriteMode = WriteMode.MERGE, *,
        package_rows: int = 1_000, plan: Mapping[str, Any] | None = None, **changes: Any,
    ) -> Task:  # fmt: skip
        self.now += 1_000
        catalog = self.catalog
        job = task(self.folder, source, self.destination, MemoryCatalog(), mode, package_rows)
        with catalog.pipelines.lock("p"):
            record = catalog.pipelines.begin_job("p", JobType.INCREMENTAL, DataKind.INCREMENTAL)
        job.job, job.fence = record.id, record.fence
        job.memory = CatalogMemory(catalog, "p", "d")
        job.clock.floor, job.clock.now = self.now, lambda: self.now
        generations = catalog.positions.generations("p")
        for name, one in job.plans.items():
            known = generations.get(name, Generation())
            building = known.current if known.building is None else known.building
            job.plans[name] = replace(
                one, mode=mode if one.key else WriteMode.APPEND, published=known.current,
                generation=building, **(plan or {}),
            )  # fmt: skip
        job.checkpoints, job.package_numbers = start_positions(catalog, "p", job.plans)
        drop_cut_off(job.checkpoints, job.plans)
        for name, value in changes.items():
            setattr(job, name, value)
        self.job = job
        return job

    def go(self) -> Outcome:
        source = self.job.source
        return run(self.job, source.plan(source.discover(), self.job.checkpoints))

    def positions(self) -> dict[str, Any]:
        saved = self.catalog.positions.load("p")
        return {
            name: dict(one.checkpoint.position)
            for name, one in saved.items()
            if one.checkpoint is not None
        }

    def rows(self, table: str, where: str = "_ps_deleted is not true") -> list[tuple[Any, ...]]:
        found = self.destination.query(
            f'select id, name, body from {self.schema}."{table}" where {where} order by 1, 2, 3'
        )
        return [tuple(row.values()) for row in found.to_pylist()]


@pytest.fixture(params=["duckdb", "postgres"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    settings: dict[str, Any] = {"path": str(tmp_path / "w.duckdb")}
    schema = "main"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        settings, schema = {"url": url, "schema": "crm"}, "crm"
    card = Registry.scan().card("destination", request.param)
    with closing(open_destination(card, settings)) as destination:
        bench = Bench(tmp_path, destination, schema)
        yield bench
        bench.catalog.close()


def people(count: int = 5) -> Database:
    database = Database("people")
    for number in range(1, count + 1):
        database.insert("people", number, f"n{number}", f"b{number}")
    return database
