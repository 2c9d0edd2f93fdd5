"""No row that is committed late is skipped (decision 0020)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from servers import PASSWORD, PostgresServer
from tables import Tables

pytestmark = pytest.mark.postgres

EVENTS = (
    "create table events (id bigserial primary key, writer int, n int, "
    "created_at timestamptz not null default now());"
    "create index on events (created_at)"
)
MODES = {
    "time": {"query_mode": "DELTA_TIMESTAMP", "cursor": "created_at"},
    "number": {"query_mode": "UNIQUE_INCREMENTING_APPEND_ONLY", "cursor": "id"},
    "both": {"query_mode": "CHANGE_DATA_CAPTURE", "cursor": ["created_at", "id"]},
}


class Writers:
    """Ten sessions that insert in transactions of random size, with a random wait before commit."""

    def __init__(self, url: str, rows: int, wait_s: float, count: int = 10) -> None:
        self._url, self._rows, self._wait_s = url, rows // count, wait_s
        self._threads = [
            threading.Thread(target=self._write, args=(number,)) for number in range(count)
        ]

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()

    def _write(self, number: int) -> None:
        chance = random.Random(number)
        left = self._rows
        with psycopg.connect(self._url) as connection:
            while left:
                size = min(chance.randint(1, self._rows // 8), left)
                # Some begin long before their first row, and take their number before it too.
                connection.execute("select nextval('events_id_seq')")
                time.sleep(chance.random() * self._wait_s * chance.choice((0, 1)))
                half = size // 2
                for rows in (half, size - half):
                    with connection.transaction():
                        connection.execute(
                            "insert into events (writer, n) "
                            "select %s, g from generate_series(1, %s) g",
                            [number, rows],
                        )
                    time.sleep(chance.random() * self._wait_s)
                connection.commit()
                left -= size


@pytest.mark.parametrize("mode", MODES)
def test_rows_of_ten_writers_with_late_commits_all_arrive(
    sql: psycopg.Connection[Any], tables: Tables, postgres_url: str, mode: str
) -> None:
    sql.execute(EVENTS)
    tables.pipeline = {"settings": {"events": MODES[mode]}}
    with Writers(postgres_url, 20_000, wait_s=0.3) as writers:
        while writers.running:
            tables.run()
    tables.run()
    assert tables.rows("select count(*), count(distinct id) from events") == [(20_000, 20_000)]
    assert tables.read() == {"events": 0}


def test_appended_rows_are_not_doubled_by_looking_for_late_ones(
    sql: psycopg.Connection[Any], tables: Tables, postgres_url: str
) -> None:
    sql.execute(EVENTS)
    tables.pipeline = {"settings": {"events": MODES["number"]}, "load_mode": "append"}
    sql.execute("insert into events (writer) select 0 from generate_series(1, 10)")
    tables.run()
    with _open(postgres_url, "insert into events (writer) values (1)"):
        for _ in range(3):
            sql.execute("insert into events (writer) select 2 from generate_series(1, 5)")
            tables.run()
    tables.run()
    assert tables.rows("select count(*), count(distinct id) from events") == [(26, 26)]


@contextmanager
def _open(url: str, *statements: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that has run these statements and waits."""
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())
        yield connection


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "held",
    [
        pytest.param(["insert into events (writer) values (1)"], id="an open insert"),
        pytest.param(["select nextval('events_id_seq')"], id="a number taken, no row yet"),
        pytest.param(
            ["savepoint a", "insert into events (writer) values (1)", "release a"],
            id="an insert in a subtransaction",
        ),
    ],
)
def test_a_long_transaction_holds_nobody_up_and_its_rows_come(
    sql: psycopg.Connection[Any], tables: Tables, postgres_url: str, mode: str, held: list[str]
) -> None:
    sql.execute(EVENTS)
    tables.pipeline = {"settings": {"events": MODES[mode]}}
    sql.execute("insert into events (writer) select 0 from generate_series(1, 10)")
    tables.run()
    with _open(postgres_url, *held) as connection:
        for _ in range(3):
            sql.execute("insert into events (writer) select 2 from generate_series(1, 5)")
            assert tables.read()["events"] >= 5
        if held[0].startswith("select"):
            connection.execute(
                "insert into events (id, writer) values (currval('events_id_seq'), 1)"
            )
    assert tables.read()["events"] >= 1
    assert tables.rows("select count(*) from events where writer = 1") == [(1,)]
    tables.run()
    assert tables.read() == {"events": 0}
    assert tables.rows("select count(*), count(distinct id) from events") == [(26, 26)]


def test_a_user_who_may_not_see_when_transactions_began_misses_no_row(
    sql: psycopg.Connection[Any], tables: Tables, postgres_url: str
) -> None:
    sql.execute(EVENTS)
    name = f"r{postgres_url[-12:]}"
    sql.execute(f"create role {name} login password '{PASSWORD}'".encode())
    sql.execute(f"grant select on events to {name}".encode())
    try:
        tables.source = {**tables.source, "user": name}
        _late_through_three_reads(sql, tables, postgres_url)
    finally:
        sql.execute(f"drop owned by {name}; drop role {name}".encode())


def _late_through_three_reads(
    sql: psycopg.Connection[Any], tables: Tables, url: str, *last: str
) -> None:
    tables.pipeline = {"settings": {"events": MODES["time"]}}
    sql.execute("insert into events (writer) select 0 from generate_series(1, 10)")
    tables.run()
    with _open(url, "insert into events (writer) values (1)") as connection:
        for statement in last:
            connection.execute(statement.encode())
        for _ in range(3):
            sql.execute("insert into events (writer) select 2 from generate_series(1, 5)")
            tables.run()
    for statement in last:
        sql.execute(statement.replace("prepare transaction", "commit prepared").encode())
    tables.run()
    assert tables.rows("select count(*), count(distinct id) from events") == [(26, 26)]
    tables.run()
    assert tables.read() == {"events": 0}


def test_rows_of_a_prepared_transaction_come_when_it_is_committed(tmp_path: Path) -> None:
    with (
        PostgresServer(max_prepared_transactions="3") as server,
        closing(psycopg.connect(server.url, autocommit=True)) as sql,
    ):
        sql.execute(EVENTS)
        tables = Tables(tmp_path, {"type": "postgres", "url": server.url})
        _late_through_three_reads(sql, tables, server.url, "prepare transaction 'one'")
