"""`jobs`, `status` and `failed` over a catalog with some history."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.main import execute
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
from penstock.store import Catalog

MAIN = "crm_to_warehouse"


@pytest.fixture(autouse=True)
def _workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.chdir(tmp_path)
    execute(["init", ".", "--template", "activecampaign"])
    (tmp_path / ".env").write_text("AC_API_URL=https://acme.api-us1.com\nAC_API_KEY=key-of-test\n")
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def history(tmp_path: Path) -> list[JobRecord]:
    """Two jobs: one that set three events aside, and one that is still running."""
    (tmp_path / ".penstock").mkdir()
    with Catalog.open(tmp_path / ".penstock" / "catalog.db") as catalog:
        catalog.pipelines.ensure(MAIN, "activecampaign", "duckdb")
        with catalog.pipelines.lock(MAIN):
            first = catalog.pipelines.begin_job(MAIN, JobType.INCREMENTAL, DataKind.INCREMENTAL)
            catalog.commit(package(first))
            catalog.jobs.finish(first.id, JobStatus.COMPLETED_WITH_FAILURES, seconds=1.5)
            second = catalog.pipelines.begin_job(MAIN, JobType.INCREMENTAL, DataKind.INCREMENTAL)
    return [first, second]


def package(job: JobRecord) -> CommitRecord:
    failed = tuple(
        FailedRow("deals", "deals", "mapping", code, "does not fit", "f.parquet", n, "load", n)
        for n, code in enumerate(["INCOMPATIBLE_TYPE", "INCOMPATIBLE_TYPE", "VALUE_TOO_LONG"])
    )
    part = PartRecord("deals", "deals", "ac_deals", Books(read=3, failed=3), None, "load")
    return CommitRecord(
        "package", MAIN, job.id, job.fence, "deals", 1, Checkpoint({}), 1,
        parts=(part,), failed=failed,
    )  # fmt: skip


def asked(capsys: pytest.CaptureFixture[str], *line: str, code: int = 0) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert execute([*line, "--json"]) == code
    return [json.loads(text) for text in capsys.readouterr().out.splitlines()]


def test_looking_makes_no_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, "jobs") == []
    assert asked(capsys, "failed", MAIN) == []
    assert asked(capsys, "status")[0]["state"] == "NEVER_RUN"
    assert not (tmp_path / ".penstock").exists()


def test_jobs_are_listed_newest_first(
    history: list[JobRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    listed = asked(capsys, "jobs", MAIN)
    assert [item["job"] for item in listed] == [history[1].id, history[0].id]
    assert [(item["status"], item["failed"]) for item in listed] == [
        ("IN_PROGRESS", 0), ("COMPLETED_WITH_FAILURES", 3)
    ]  # fmt: skip


def test_a_job_is_shown_in_full(
    history: list[JobRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    (shown,) = asked(capsys, "jobs", "show", history[0].id)
    assert (shown["type"], shown["read"], shown["failed"]) == ("summary", 3, 3)
    assert [item["object"] for item in shown["objects"]] == ["deals"]


def test_a_running_job_can_be_asked_to_stop(
    tmp_path: Path, history: list[JobRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    asked(capsys, "jobs", "cancel", history[1].id)
    with Catalog.open(tmp_path / ".penstock" / "catalog.db") as catalog:
        assert catalog.jobs.cancel_wanted(history[1].id)


def test_a_job_that_has_ended_cannot_be_stopped(
    history: list[JobRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    (told,) = asked(capsys, "jobs", "cancel", history[0].id, code=2)
    assert told["error"]["code"] == "config.job_ended"


@pytest.mark.usefixtures("history")
def test_status_counts_what_waits(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = asked(capsys, "status")
    assert (row["state"], row["failed_events"]) == ("RUNNING", 3)


@pytest.mark.usefixtures("history")
def test_failed_events_are_counted_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    groups = asked(capsys, "failed", MAIN)
    assert [(group["code"], group["count"]) for group in groups] == [
        ("INCOMPATIBLE_TYPE", 2), ("VALUE_TOO_LONG", 1)
    ]  # fmt: skip
    (narrow,) = asked(capsys, "failed", MAIN, "--code", "VALUE_TOO_LONG")
    assert narrow["count"] == 1


@pytest.mark.usefixtures("history")
def test_skipping_asks_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, "failed", MAIN, "skip", code=2)[0]["error"]["code"] == "usage.confirm"
    chosen = ("--code", "INCOMPATIBLE_TYPE", "--yes")
    assert asked(capsys, "failed", MAIN, "skip", *chosen) == [{"pipeline": MAIN, "skipped": 2}]
    assert [group["code"] for group in asked(capsys, "failed", MAIN)] == ["VALUE_TOO_LONG"]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    "line",
    [("jobs", "show"), ("jobs", "stop", "x"), ("jobs", "show", "NONE"), ("jobs", "other"),
     ("failed", MAIN, "retry"), ("failed", "other"), ("status", "other")],
)  # fmt: skip
def test_what_is_not_there_is_told(
    line: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(capsys, *line, code=2)[0]["type"] == "error"


@pytest.mark.usefixtures("history")
def test_people_are_told_what_to_do_next(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    execute(["failed", MAIN])
    told = capsys.readouterr()
    assert told.out.splitlines()[0].split() == [
        "event", "type", "stage", "code", "reason", "events", "first", "last"
    ]  # fmt: skip
    assert f"penstock failed {MAIN} show" in told.err
    assert f"penstock failed {MAIN} replay" in told.err
