"""No row that is committed late is skipped (decision 0020)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from maria import MariaServer
from tables import Tables

pytestmark = pytest.mark.mysql

EVENTS = (
    "create table events (id bigint primary key auto_increment, writer int, n int, "
    "created_at timestamp not null default now(), index (created_at))"
)
MODES = {
    "time": {"query_mode": "DELTA_TIMESTAMP", "cursor": "created_at"},
    "number": {"query_mode": "UNIQUE_INCREMENTING_APPEND_ONLY", "cursor": "id"},
    "both": {"query_mode": "CHANGE_DATA_CAPTURE", "cursor": ["created_at", "id"]},
}


class Writers:
    """Ten sessions that insert in transactions of random size, with a random wait before commit."""

    def __init__(self, connect: Callable[[], Any], rows: int, wait_s: float) -> None:
        self._connect, self._rows, self._wait_s = connect, rows // 10, wait_s
        self._threads = [threading.Thread(target=self._write, args=(at,)) for at in range(10)]

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
        with closing(self._connect()) as session, session.cursor() as cursor:
            while left:
                size = min(chance.randint(2, self._rows // 8), left)
                cursor.execute("begin")
                for rows in (size // 2, size - size // 2):
                    # Takes its numbers and its NOW() first, and waits inside of the statement.
                    cursor.execute(
                        f"insert into events (writer, n) select {number}, seq + sleep(%s)"
                        f" from seq_1_to_{max(rows, 1)} limit {rows}",
                        [chance.random() * self._wait_s / 20 if rows < 5 else 0],
                    )
                    time.sleep(chance.random() * self._wait_s)
                cursor.execute("commit")
                left -= size


@pytest.mark.parametrize("mode", MODES)
def test_rows_of_ten_writers_with_late_commits_all_arrive(
    sql: Callable[[str], None], tables: Tables, maria_server: MariaServer, maria_url: str, mode: str
) -> None:
    sql(EVENTS)
    tables.pipeline = {"settings": {"events": MODES[mode]}}
    database = maria_url.rpartition("/")[2]
    with Writers(lambda: maria_server.connect(database), 20_000, wait_s=0.3) as writers:
        while writers.running:
            tables.run()
    # A time is read only when its second is over.
    time.sleep(1)
    tables.run()
    assert tables.rows("select count(*), count(distinct id) from events") == [(20_000, 20_000)]
    assert tables.read() == {"events": 0}


def test_without_the_right_to_see_transactions_the_window_is_looked_through(
    sql: Callable[[str], None], tables: Tables, maria_server: MariaServer, maria_url: str
) -> None:
    database = maria_url.rpartition("/")[2]
    sql(EVENTS)
    sql(
        "create or replace user reader@'127.0.0.1' identified by 'secret';"
        f"grant select on {database}.* to reader@'127.0.0.1'"
    )
    tables.source = {**tables.source, "user": "reader", "password": "secret"}
    tables.pipeline = {"settings": {"events": MODES["number"]}}
    sql("insert into events (writer) values (0)")
    tables.run()
    with closing(maria_server.connect(database)) as session, session.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("insert into events (writer) values (1)")
        for _ in range(2):
            sql("insert into events (writer) values (2)")
            tables.run()
        cursor.execute("commit")
    tables.run()
    assert tables.rows("select writer from events order by id") == [(0,), (1,), (2,), (2,)]
