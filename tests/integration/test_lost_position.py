"""Logs that lost what a pipeline had not read yet: afterwards its tables equal the source."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from maria import BINLOG, MariaServer
from penstock.core.progress import Progress
from penstock.core.records import JobStatus, JobType, Severity
from penstock.engine.verify import compare
from penstock.store import Catalog
from penstock.worker import closing_gaps
from penstock.worker.options import RunOptions
from penstock.worker.recovering import run_recovering
from servers import PostgresServer
from tables import PIPELINE, Tables
from verified import opened

Run = Callable[[str], None]
SEED = """
create table items(id int primary key, name varchar(40), body text);
create table orders(day date, number int, note varchar(40), primary key (day, number));
create table plain(name varchar(40));
create table still(id int primary key, name varchar(40));
insert into items select g, concat('item ', g), repeat('b', 3000) from numbers where g <= 2000;
insert into orders select date '2026-01-01', g, 'note' from numbers where g <= 300;
insert into plain select concat('row ', g) from numbers where g <= 20;
insert into still select g, 'same' from numbers where g <= 1000
"""
GAP = """
delete from items where id between 101 and 120;
update items set name = 'changed' where id in (7, 1500);
update items set body = repeat('c', 3000) where id = 8;
insert into items values (3000, 'new', repeat('n', 3000));
delete from orders where number = 5;
update orders set note = 'other' where number = 6;
delete from plain where name = 'row 3';
insert into plain values ('row 21')
"""
AFTER = """
update items set name = 'later' where id = 8;
update items set name = 'later too' where id = 3000;
delete from items where id = 9
"""


class Postgres:
    """A server whose slots are lost."""

    type = "postgres"

    def __init__(self) -> None:
        self.server = PostgresServer(wal_level="logical")
        self.database = "postgres"

    @property
    def url(self) -> str:
        return self.server.url_of(self.database)

    def session(self) -> Any:
        return closing(psycopg.connect(self.url, autocommit=True))

    def seed(self, run: Run) -> None:
        run("create view numbers as select g from generate_series(1, 2000) g")
        run(SEED)
        run("drop view numbers")
        run("alter table plain replica identity full")
        run("alter table items alter body set storage external")

    def lose(self, run: Run) -> None:
        run("select pg_drop_replication_slot(slot_name) from pg_replication_slots")


class Maria:
    """A server whose log files are purged."""

    type = "mysql"

    def __init__(self) -> None:
        settings: dict[str, Any] = dict(BINLOG)
        self.server = MariaServer(**settings)
        self.database = "penstock"

    @property
    def url(self) -> str:
        return self.server.url_of(self.database)

    def session(self) -> Any:
        return closing(self.server.connect(self.database))

    def seed(self, run: Run) -> None:
        run("create view numbers as select seq as g from seq_1_to_2000")
        run(SEED)
        run("drop view numbers")

    def lose(self, run: Run) -> None:
        run("flush binary logs; flush binary logs")
        with self.session() as session, session.cursor() as cursor:
            cursor.execute("show master status")
            last = cursor.fetchone()[0]
            until = time.monotonic() + 60
            while True:
                # A file can go once InnoDB has written what was committed in it.
                cursor.execute(f"purge binary logs to '{last}'")
                cursor.execute("show binary logs")
                if cursor.fetchone()[0] == last:
                    return
                assert time.monotonic() < until
                time.sleep(0.1)


@pytest.fixture(scope="module", params=[Postgres, pytest.param(Maria, marks=pytest.mark.mysql)])
def servers(request: pytest.FixtureRequest) -> Iterator[Postgres | Maria]:
    found = request.param()
    with found.server:
        yield found


@pytest.fixture
def place(servers: Postgres | Maria) -> Postgres | Maria:
    """A fresh database of the server, whose log is lost as a whole."""
    name = f"t{uuid4().hex}"
    with servers.session() as session, session.cursor() as cursor:
        cursor.execute(f"create database {name}")
    servers.database = name
    return servers


@pytest.fixture
def run(place: Postgres | Maria) -> Iterator[Run]:
    """Runs statements, with semicolons between them."""
    with place.session() as session:

        def each(statements: str) -> None:
            for statement in filter(str.strip, statements.split(";")):
                with session.cursor() as cursor:
                    cursor.execute(statement)

        yield each


@pytest.fixture
def tables(place: Postgres | Maria, tmp_path: Path) -> Tables:
    return Tables(tmp_path, {"type": place.type, "url": place.url, "mode": "LOG_BASED"})


def same(place: Postgres | Maria, tables: Tables) -> None:
    """Every table holds what the source has."""
    with place.session() as session:
        for table in ("items", "orders", "plain", "still"):
            with session.cursor() as cursor:
                cursor.execute(f"select * from {table}")
                wanted = sorted(tuple(row) for row in cursor.fetchall())
            names = {"items": "id, name, body", "orders": "day, number, note", "plain": "name"}
            chosen = names.get(table, "id, name")
            found = tables.rows(f"select {chosen} from {table} where not _ps_deleted")
            assert sorted(found) == wanted, table


class Told:
    """Keeps warnings that are about the pipeline."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def progress(self, snapshot: Progress) -> None: ...

    def message(self, level: str, text: str) -> None:
        if level == "warning" and text.startswith(f"{PIPELINE}: "):
            self.messages.append(text)


def jobs(tables: Tables) -> list[Any]:
    """Oldest first."""
    with closing(Catalog.open(opened(tables).catalog_url)) as catalog:
        return list(reversed(catalog.jobs.list(PIPELINE)))


def test_without_a_setting_the_gap_and_the_ways_out_are_told(
    place: Postgres | Maria, run: Run, tables: Tables
) -> None:
    place.seed(run)
    tables.run()
    run("update items set name = 'known' where id = 1")
    tables.run()
    run(GAP)
    place.lose(run)
    for _ in range(2):
        summary = tables.tried()
        assert summary.error["code"] == "OFFSET_EXPIRED"
        assert {"position", "oldest", "since"} <= set(summary.error["where"])
        assert summary.error["where"]["since"] in summary.error["message"]
        for way in ("repair", "restart", "skip"):
            assert f"penstock run {PIPELINE} --recover {way}" in summary.error["hint"]
    with closing(Catalog.open(opened(tables).catalog_url)) as catalog:
        alerts = catalog.activity.list(action="source.position_lost")
    assert [entry.severity for entry in alerts] == [Severity.CRITICAL] * 2
    tables.run(recover="RESTART_HISTORICAL")
    same(place, tables)


def test_a_repair_reads_again_only_what_differs(
    place: Postgres | Maria, run: Run, tables: Tables
) -> None:
    tables.pipeline["auto_recover_offset"] = "repair"
    place.seed(run)
    tables.run()
    run(GAP)
    place.lose(run)
    told = Told()
    summary = run_recovering(opened(tables), PIPELINE, RunOptions(), told, threading.Event())
    assert summary.status == JobStatus.COMPLETED
    assert told.messages[-1] == (
        f"{PIPELINE}: Compared 3 of 4 tables; differing keys read again: items 24, orders 2. "
        "Read whole: plain."
    )
    same(place, tables)
    gone = tables.rows("select count(*), min(id), max(id) from items where _ps_deleted")
    assert gone == [(20, 101, 120)]
    failed, repair, last = jobs(tables)[-3:]
    assert failed.error["code"] == "OFFSET_EXPIRED"
    assert repair.job_type == JobType.RESYNC
    # 20 gone, 3 changed, 1 new; 1 gone, 1 changed.
    assert repair.totals.read == 26
    # A table without a key is read whole.
    assert last.totals.read == 20
    run(AFTER)
    tables.run()
    same(place, tables)


def test_changes_that_come_during_a_repair_are_not_lost(
    place: Postgres | Maria, run: Run, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log leaves out large values of row 3000, which did not change since the gap."""
    look_again = compare._look_again

    def busy(*given: Any) -> Any:
        run(AFTER)
        found = look_again(*given)
        run("update items set name = 'last' where id = 3000; delete from items where id = 11")
        return found

    monkeypatch.setattr(compare, "_look_again", busy)
    place.seed(run)
    tables.run()
    run(GAP)
    place.lose(run)
    tables.run(recover="REPAIR")
    same(place, tables)


def test_a_recovery_that_is_cut_off_begins_anew(
    place: Postgres | Maria, run: Run, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.seed(run)
    tables.run()
    run(GAP)
    place.lose(run)
    with monkeypatch.context() as patched:
        patched.setattr(closing_gaps, "repaired", _cut)
        with pytest.raises(KeyboardInterrupt):
            tables.run(recover="REPAIR")
    run(AFTER)
    assert tables.tried().error["code"] == "OFFSET_EXPIRED"
    tables.run(recover="REPAIR")
    same(place, tables)


def _cut(*_given: Any) -> None:
    raise KeyboardInterrupt


def test_a_gap_can_be_left(place: Postgres | Maria, run: Run, tables: Tables) -> None:
    place.seed(run)
    tables.run()
    run(GAP)
    place.lose(run)
    tables.run(recover="SKIP")
    run("update items set name = 'seen' where id = 2")
    tables.run()
    assert tables.rows("select id, name from items where id in (2, 7) order by id") == [
        (2, "seen"), (7, "item 7"),
    ]  # fmt: skip
