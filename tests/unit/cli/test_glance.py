"""The quick look into the catalog sees what the catalog sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock.cli.commands.status import row_of
from penstock.cli.glance import Glance, _from_sqlite, from_catalog
from penstock.core.books import Books
from penstock.core.checkpoint import Checkpoint
from penstock.core.records import (
    CommitRecord,
    DataKind,
    FailedRow,
    JobRecord,
    JobStatus,
    JobType,
    PartRecord,
)
from penstock.core.spec import PipelineSpec
from penstock.store import Catalog


def job(catalog: Catalog, pipeline: str, status: JobStatus | None, failed: int = 0) -> JobRecord:
    catalog.pipelines.ensure(pipeline, "crm", "file")
    with catalog.pipelines.lock(pipeline):
        record = catalog.pipelines.begin_job(pipeline, JobType.INCREMENTAL, DataKind.INCREMENTAL)
        if failed:
            catalog.commit(package(pipeline, record, failed))
        if status is not None:
            catalog.jobs.finish(record.id, status)
    return record


def package(pipeline: str, record: JobRecord, failed: int) -> CommitRecord:
    rows = tuple(
        FailedRow("a", "a", "mapping", "INCOMPATIBLE_TYPE", "no", "f.parquet", n, "load", n)
        for n in range(failed)
    )
    part = PartRecord("a", "a", "t", Books(read=failed, failed=failed), None, "load")
    return CommitRecord(
        f"package-{pipeline}", pipeline, record.id, record.fence, "a", 1, Checkpoint({}), 1,
        parts=(part,), failed=rows,
    )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog:
        job(catalog, "first", JobStatus.COMPLETED)
        job(catalog, "second", JobStatus.COMPLETED_WITH_FAILURES, failed=3)
        job(catalog, "first", JobStatus.FAILED)
        job(catalog, "first", None)
    return path


def test_it_sees_the_same_as_the_catalog(place: Path) -> None:
    quick, full = _from_sqlite(place), from_catalog(str(place))
    assert quick.failed == full.failed == (("second", 3),)
    for name in ("first", "second"):
        assert quick.of(name) == full.of(name)
        assert quick.of(name)


def state(seen: Glance, name: str) -> dict[str, Any]:
    row = row_of(name, PipelineSpec(source="a", destination="b"), seen)
    return {key: row[key] for key in ("state", "last_status", "failed_events")}


def test_status_words(place: Path) -> None:
    seen = _from_sqlite(place)
    assert state(seen, "first") == {
        "state": "RUNNING", "last_status": "IN_PROGRESS", "failed_events": 0
    }  # fmt: skip
    assert state(seen, "second") == {
        "state": "ACTIVE", "last_status": "COMPLETED_WITH_FAILURES", "failed_events": 3
    }  # fmt: skip
    assert state(seen, "third") == {
        "state": "NEVER_RUN", "last_status": None, "failed_events": 0
    }  # fmt: skip


def test_how_far_a_log_is_behind_is_seen_while_it_is_followed_and_after(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog:
        running = job(catalog, "shop", None)
        catalog.jobs.note_source(running.id, {"lag_seconds": 2.4, "lag_bytes": 5_000})
    seen = _from_sqlite(path)
    assert seen == from_catalog(str(path))
    row = row_of("shop", PipelineSpec(source="s", destination="d"), seen)
    assert (row["lag_seconds"], row["lag_bytes"]) == (2, 5_000)
    with Catalog.open(path) as catalog:
        catalog.jobs.finish(running.id, JobStatus.COMPLETED, source={"lag_seconds": 7_200.0})
    row = row_of("shop", PipelineSpec(source="s", destination="d"), _from_sqlite(path))
    assert row["lag_seconds"] >= 7_200
    assert row["lag_bytes"] is None
