"""History and log join without a gap and without a double, while others write."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest

from maria import MariaServer
from tables import Tables
from writers import writing

pytestmark = pytest.mark.mysql

_ROWS = 400
_WRITERS = 3
_DEADLOCK = 1213


class Writer(threading.Thread):
    """Random transactions, some of them rolled back, some long, until told to stop."""

    def __init__(self, connect: Callable[[], Any], seed: int, number: int) -> None:
        super().__init__(name=f"writer {number}")
        self._connect = connect
        self._random = random.Random(seed * 10 + number)
        self._number = number
        self._next = (number + 1) * 1_000_000
        self.stop = threading.Event()
        self.error: Exception | None = None
        self.done = 0

    def run(self) -> None:
        try:
            with closing(self._connect()) as session:
                while not self.stop.is_set():
                    self._transaction(session)
                    self.done += 1
        except Exception as error:  # noqa: BLE001 (looked at by the test)
            self.error = error

    def _transaction(self, session: Any) -> None:
        cursor = session.cursor()
        try:
            cursor.execute("begin")
            for _ in range(self._random.choice((1, 1, 1, 3, 30))):
                cursor.execute(self._statement())
                if self._random.random() < 0.1:
                    self.stop.wait(self._random.random() * 0.05)
            cursor.execute("rollback" if self._random.random() < 0.15 else "commit")
        except pymysql.OperationalError as error:
            if error.args[0] != _DEADLOCK:
                raise
            cursor.execute("rollback")

    def _statement(self) -> str:
        table = self._random.choice(("a", "b"))
        row = self._random.randrange(_ROWS * 2)
        self._next += 1
        kind = self._random.choice(("insert", "update", "text", "delete", "key", "insert"))
        one = f"where id >= {row} order by id limit 1"
        return {
            "insert": f"insert into {table} values ({self._next}, {self._number}, 'i')",
            "update": f"update {table} set n = n + 1 {one}",
            "text": f"update {table} set body = concat('{self._number}', n), n = n + 1 {one}",
            "delete": f"delete from {table} {one}",
            "key": f"update {table} set id = {self._next} {one}",
        }[kind]


def hand_over(server: MariaServer, url: str, root: Path, seed: int) -> None:
    """A first run beside writers, one more of them, then one that reads the rest; all equal."""
    database = url.rpartition("/")[2]
    with closing(server.connect(database)) as session, session.cursor() as cursor:
        for table in ("a", "b"):
            cursor.execute(f"create table {table} (id bigint primary key, n int, body text)")
            cursor.execute(f"insert into {table} select seq, 0, 's' from seq_1_to_{_ROWS}")
        tables = Tables(
            root, {"type": "mysql", "url": url, "mode": "LOG_BASED",
                   "ingestion_batch_rows": 90, "historical_parallelism": 2},
            {"package_rows": 100},
        )  # fmt: skip
        writers = [Writer(lambda: server.connect(database), seed, at) for at in range(_WRITERS)]
        with writing(writers):
            tables.run()
            tables.run()
        tables.run()
        for table in ("a", "b"):
            columns = f"select id, n, body from {table}"
            there = sorted(tables.rows(f"{columns} where not _ps_deleted"))
            cursor.execute(columns)
            assert there == sorted(cursor.fetchall()), (seed, table)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_doubled(
    logging_server: MariaServer, log_url: str, tmp_path: Path, seed: int
) -> None:
    hand_over(logging_server, log_url, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_nothing_is_lost_or_doubled_with_many_seeds(
    logging_server: MariaServer, log_url: str, tmp_path: Path, seed: int
) -> None:
    hand_over(logging_server, log_url, tmp_path, seed)
