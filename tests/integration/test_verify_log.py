"""`penstock verify` of pipelines that follow a log: rows that changed since are no difference."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from maria import BINLOG, MariaServer, maria_server, maria_url
from penstock.core.errors import ConfigError
from penstock.core.flush import Flush
from penstock.core.progress import Progress, Summary
from penstock.core.records import Generation
from penstock.engine.verify.result import Kind, ObjectResult, Status
from penstock.store import Catalog
from penstock.worker.jobs import run_pipeline
from penstock.worker.options import RunOptions
from servers import PostgresServer, postgres_server, postgres_url
from tables import PIPELINE, Tables
from verified import Quiet, change, compared, opened, repaired

Run = Callable[[str], None]
_URLS = {"postgres": "postgres_url", "mysql": "maria_url"}
__all__ = ["maria_server", "maria_url", "postgres_server", "postgres_url"]


class Started(Quiet):
    """Says when a job has begun."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def progress(self, snapshot: Progress) -> None:
        self.begun.set()


_TABLES = (
    "create table orders (id int primary key, v varchar(20));"
    "create table codes (code varchar(40) primary key, v varchar(20));"
    "create table loose (v varchar(20))"
)


@pytest.fixture(scope="module")
def postgres_log() -> Iterator[PostgresServer]:
    with PostgresServer(wal_level="logical") as server:
        yield server


@pytest.fixture(scope="module")
def maria_log() -> Iterator[MariaServer]:
    settings: dict[str, Any] = dict(BINLOG)
    with MariaServer(**settings) as server:
        yield server


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ]
)
def space(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Tables, Run]]:
    """A pipeline that follows a fresh database, and what runs statements in it."""
    name = f"t{uuid4().hex}"
    session: Any
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_log")
        with closing(psycopg.connect(server.url, autocommit=True)) as admin:
            admin.execute(f"create database {name}".encode())
        session = psycopg.connect(server.url_of(name), autocommit=True)
        url = server.url_of(name)
    else:
        maria: MariaServer = request.getfixturevalue("maria_log")
        with closing(maria.connect()) as first, first.cursor() as cursor:
            cursor.execute(f"create database {name}")
        session = maria.connect(name)
        url = maria.url_of(name)

    def run(statements: str) -> None:
        with session.cursor() as cursor:
            for statement in statements.split(";"):
                cursor.execute(statement)

    place = {"type": "duckdb", "path": "out.duckdb"}
    source = {"type": request.param, "url": url, "mode": "LOG_BASED"}
    with closing(session):
        yield Tables(tmp_path, source, destination=place), run


def _loaded(space: tuple[Tables, Run]) -> None:
    tables, run = space
    run(_TABLES)
    for number in range(40):
        run(f"insert into orders values ({number}, 'v{number}')")
        run(f"insert into codes values ('code {number}', 'v{number}')")
    run("insert into loose values ('a');insert into loose values ('a')")
    tables.run()


def _told(found: dict[str, ObjectResult]) -> dict[str, tuple[str, int, int]]:
    return {name: (str(item.status), item.different, item.behind) for name, item in found.items()}


def test_changes_that_no_job_has_loaded_are_behind(space: tuple[Tables, Run]) -> None:
    tables, run = space
    _loaded(space)
    run(
        "update orders set v = 'new' where id = 7;delete from orders where id = 8;"
        "insert into orders values (90, 'x');update orders set id = 91 where id = 9;"
        "update codes set v = 'new' where code = 'code 5';insert into loose values ('b')"
    )
    assert _told(compared(tables)) == {
        "orders": ("equal", 0, 5), "codes": ("equal", 0, 1), "loose": ("equal", 0, 1),
    }  # fmt: skip

    change(tables, "update orders set v = 'bad' where id = 11")
    change(tables, "delete from codes where code = 'code 12'")
    found = compared(tables)
    assert _told(found) == {
        "orders": ("different", 1, 5), "codes": ("different", 1, 1), "loose": ("equal", 0, 1),
    }  # fmt: skip
    assert [(d.key, d.kind) for d in found["orders"].differences] == [((11,), Kind.CHANGED)]

    # The log was looked at and not moved: the next job loads every change.
    counts = {name: item.books.read for name, item in _by_object(tables.run()).items()}
    assert counts == {"orders": 5, "codes": 1, "loose": 1}
    assert _told(compared(tables))["orders"] == ("different", 1, 0)


def test_a_repair_leaves_newer_changes_and_other_tables_alone(space: tuple[Tables, Run]) -> None:
    tables, run = space
    _loaded(space)
    change(tables, "update orders set v = 'bad' where id in (11, 12)")
    change(tables, "delete from orders where id = 13")
    change(tables, "insert into orders by name (select 500 as id, 'ghost' as v)")
    # Changed twice since the last job; the repair reads the newest, the log brings both.
    run("update orders set v = 'one' where id = 12;update orders set v = 'two' where id = 12")
    summary = repaired(tables)
    assert {item.object: item.books.read for item in summary.objects} == {"orders": 3}
    run("update orders set v = 'three' where id = 11")
    counts = {name: item.books.read for name, item in _by_object(tables.run()).items()}
    assert counts == {"orders": 3, "codes": 0, "loose": 0}
    assert set(_told(compared(tables)).values()) == {("equal", 0, 0)}
    assert tables.rows("select v from orders where id in (11, 12) order by id") == [
        ("three",), ("two",),
    ]  # fmt: skip
    deleted = "select id from orders where _ps_deleted"
    assert tables.rows(deleted) == [(500,)]


@pytest.mark.postgres
@pytest.mark.mysql
@pytest.mark.parametrize(
    ("space", "to"), [("postgres", "mysql"), ("mysql", "postgres")], indirect=["space"]
)
def test_logs_into_databases_are_compared_and_repaired(
    space: tuple[Tables, Run], to: str, request: pytest.FixtureRequest
) -> None:
    tables, run = space
    place = {"schema": "copied"} if to == "postgres" else {}
    tables.destination = {"type": to, "url": request.getfixturevalue(_URLS[to]), **place}
    _loaded(space)
    assert set(_told(compared(tables)).values()) == {("equal", 0, 0)}
    change(tables, "update orders set v = 'bad' where id = 11")
    change(tables, "delete from codes where code = 'code 12'")
    run("update orders set v = 'new' where id = 7;delete from codes where code = 'code 5'")
    assert _told(compared(tables)) == {
        "orders": ("different", 1, 1), "codes": ("different", 1, 1), "loose": ("equal", 0, 0),
    }  # fmt: skip
    summary = repaired(tables)
    assert {item.object: item.books.read for item in summary.objects} == {"orders": 1, "codes": 1}
    tables.run()
    assert set(_told(compared(tables)).values()) == {("equal", 0, 0)}


def test_a_job_that_runs_is_waited_for(space: tuple[Tables, Run]) -> None:
    tables, run = space
    _loaded(space)
    change(tables, "update orders set v = 'bad' where id = 11")
    cancel, watcher = threading.Event(), Started()
    options = RunOptions(follow_s=60.0, flush=Flush(seconds=1.0))
    args = (opened(tables), PIPELINE, options, watcher, cancel)
    job = threading.Thread(target=run_pipeline, args=args)
    job.start()
    try:
        assert watcher.begun.wait(60)
        run("update orders set v = 'new' where id = 7;update codes set v = 'new'")
        found = compared(tables)
    finally:
        cancel.set()
        job.join(60)
    assert [d.key for d in found["orders"].differences] == [(11,)]
    assert _told(found)["codes"][:2] == ("equal", 0)


def test_a_table_that_is_being_built_anew_is_not_repaired(space: tuple[Tables, Run]) -> None:
    tables, _ = space
    _loaded(space)
    change(tables, "update orders set v = 'bad' where id = 11")
    with closing(Catalog.open(opened(tables).catalog_url)) as catalog:
        catalog.positions.set_generation(PIPELINE, "orders", Generation(0, 1))
    found = compared(tables)["orders"]
    assert (found.status, found.different) == (Status.DIFFERENT, 1)
    assert found.notes == ["A full reload is unfinished: the old table is compared."]
    with pytest.raises(ConfigError, match="orders cannot be repaired: a full reload"):
        repaired(tables)


def _by_object(summary: Summary) -> dict[str, Any]:
    return {item.object: item for item in summary.objects}
