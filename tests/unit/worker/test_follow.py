"""Following a log: jobs in a row in one process, until somebody stops it."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import duckdb
import pytest

from logged import LogSource
from penstock.core.errors import ConfigError, TransientError
from penstock.core.records import JobStatus
from penstock.store import Catalog
from penstock.worker import follow as follow_module
from unit.worker.log_space import Space, space

__all__ = ["space"]


def test_changes_arrive_while_it_follows_and_stopping_leaves_all_consistent(space: Space) -> None:
    space.database.insert("people", 1, "a")

    def delivered() -> bool:
        return (space.source.acknowledged or [0])[-1] == len(space.database.log)

    def change() -> None:
        space.database.update("people", 1, name="b")
        space.database.insert("people", 2, "c")
        space.when(delivered, space.cancel.set).join()

    changing = space.when(lambda: bool(space.source.acknowledged), change)
    (summary,) = space.follow()
    changing.join()
    assert (summary.status, summary.exit_code) == (JobStatus.CANCELED, 130)
    assert space.rows() == space.database.rows("people")
    assert space.log_position() == 3


def test_jobs_are_limited_and_follow_each_other(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_module, "_FIRST_PAUSE_S", 0.0)
    space.database.insert("people", 1, "a")
    waiting = space.when(lambda: space.source.begun.count("#log") > 2, space.cancel.set)
    jobs = space.follow(job_s=0.1)
    waiting.join()
    assert len(jobs) >= 3
    assert {job.status for job in jobs[:-1]} == {JobStatus.COMPLETED}
    assert space.source.begun.count("people#1") == 1


def test_a_table_that_appears_is_read_from_the_next_job_on(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_module, "_FIRST_PAUSE_S", 0.0)

    def appear() -> None:
        space.database.tables["later"] = {}
        space.database.insert("later", 1, "new")
        space.when(lambda: "later#1" in space.source.begun, space.cancel.set).join()

    appearing = space.when(lambda: bool(space.source.acknowledged), appear)
    space.follow()
    appearing.join()
    space.run()
    assert space.rows("later") == [(1, "new", "b")]


def test_a_source_that_is_away_is_asked_again(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_module, "_FIRST_PAUSE_S", 0.0)
    space.source.fail["#log"] = TransientError("It is away.", code="source.unreachable")
    waiting = space.when(lambda: bool(space.source.acknowledged), space.cancel.set)
    jobs = space.follow()
    waiting.join()
    assert [job.exit_code for job in jobs] == [75, 130]
    assert any("It is away." in text for text in space.told.messages)


def test_what_the_user_has_to_change_ends_it(space: Space) -> None:
    space.source.fail["#log"] = ConfigError("No such slot.", code="source.slot")
    (summary,) = space.follow()
    assert summary.exit_code == 2


def test_a_pipeline_without_a_log_is_not_followed(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LogSource, "discover", lambda _self: [])
    monkeypatch.setattr("penstock.worker.jobs.chosen", lambda *_: [_plain()])
    (summary,) = space.follow()
    assert summary.error is not None
    assert summary.error["code"] == "usage.follow"


def test_how_far_the_log_is_behind_is_kept_with_the_job(space: Space) -> None:
    space.database.insert("people", 1, "a")
    summary = space.run()
    assert summary.source["lag_bytes"] == 0
    with closing(Catalog.open(space.workspace.catalog_url)) as catalog:
        (job,) = catalog.jobs.list("p")
    assert job.source["lag_seconds"] == 0.0


def test_failed_changes_keep_their_operation_and_what_was_left_out(space: Space) -> None:
    space.database.insert("people", 1, "a", "first")
    space.run()
    with closing(duckdb.connect(str(space.root / "w.duckdb"))) as connection:
        connection.execute("create table copy as select * from people")
        connection.execute("drop table people")
        connection.execute(
            "create table people (id bigint, name varchar check (name <> 'bad'), body varchar, "
            "_ps_ingested_at bigint, _ps_deleted boolean, _ps_loaded_at bigint)"
        )
        connection.execute("insert into people select * from copy")
    space.database.update("people", 1, name="bad")
    summary = space.run()
    assert (summary.exit_code, summary.totals.failed) == (3, 1)
    with closing(duckdb.connect(str(space.root / "w.duckdb"))) as connection:
        connection.execute("drop table people")
        connection.execute("create table people as select * from copy")
    from penstock.worker.replay import replay

    summary = replay(space.workspace, "p", watcher=space.told, cancel=threading.Event())
    assert summary.exit_code == 0
    assert space.rows() == [(1, "bad", "first")]


def _plain() -> Any:
    from unit.engine.doubles import PEOPLE

    return PEOPLE
