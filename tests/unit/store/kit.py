"""A catalog for tests, and short ways to say what they need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock.core.books import Books
from penstock.core.checkpoint import Checkpoint
from penstock.core.records import CommitRecord, FailedRow, JobRecord, PartRecord
from penstock.store import Catalog

PIPELINE = "crm_to_warehouse"


@dataclass
class Clock:
    """A clock that tests set."""

    ms: int = 1_764_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "state" / "catalog.db")


@pytest.fixture
def catalog(url: str, clock: Clock) -> Iterator[Catalog]:
    with closing(Catalog.open(url, now=clock)) as opened:
        opened.pipelines.ensure(PIPELINE, "activecampaign", "duckdb")
        yield opened


@pytest.fixture
def job(catalog: Catalog) -> JobRecord:
    return begin(catalog)


def begin(catalog: Catalog, pipeline: str = PIPELINE) -> JobRecord:
    """A job that stays IN_PROGRESS, as if its process had died."""
    with catalog.pipelines.lock(pipeline):
        return catalog.pipelines.begin_job(pipeline, "INCREMENTAL", "INCREMENTAL")


def books(rows: int = 10, failed: int = 0) -> Books:
    return Books(read=rows + failed, failed=failed, loaded=rows, inserted=rows, bytes_read=100)


def part(load_id: str, rows: int = 10, **more: Any) -> PartRecord:
    names = {"object": "contacts", "event_type": "contacts", "table": "ac_contacts"}
    values = {**names, "books": books(rows), "receipt": None, "load_id": load_id, **more}
    return PartRecord(**values)


def package(job: JobRecord, number: int = 1, **more: Any) -> CommitRecord:
    """Package `number` of the split contacts, with ten rows unless told otherwise."""
    values: dict[str, Any] = {
        "package_id": f"{job.pipeline}-p{number}",
        "pipeline": job.pipeline,
        "job": job.id,
        "fence": job.fence,
        "split": "contacts",
        "package_no": number,
        "checkpoint": Checkpoint({"page": number}, {"udate": f"day {number}"}),
        "ingested_at": 1_764_000_000_000 + number,
        "parts": (part(f"{job.pipeline}-p{number}-a"),),
    }
    return CommitRecord(**{**values, **more})


def failed_row(n: int, **more: Any) -> FailedRow:
    values: dict[str, Any] = {
        "object": "contacts",
        "event_type": "contacts",
        "stage": "SCHEMA_MAPPING",
        "code": "INCOMPATIBLE_TYPE",
        "reason": "text in a number column",
        "file": "load.parquet",
        "file_row": n,
        "load_id": "load",
        "n": n,
        "key": f'{{"id": {n}}}',
        "ingested_at": 5,
        "seq": n,
    }
    return FailedRow(**{**values, **more})
