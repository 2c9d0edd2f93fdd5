"""History and log join without a gap and without a double, while others write."""

from __future__ import annotations

import random
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tables import Tables
from writers import writing

pytestmark = pytest.mark.postgres

_ROWS = 400
_WRITERS = 3
_LONG = 3_000
"""Characters of texts that are stored apart from their rows."""


class Writer(threading.Thread):
    """Random transactions, some of them rolled back, some long, until told to stop."""

    def __init__(self, url: str, seed: int, number: int) -> None:
        super().__init__(name=f"writer {number}")
        self._url = url
        self._random = random.Random(seed * 10 + number)
        self._number = number
        self._next = (number + 1) * 1_000_000
        self.stop = threading.Event()
        self.error: Exception | None = None
        self.done = 0

    def run(self) -> None:
        try:
            with closing(psycopg.connect(self._url)) as connection:
                while not self.stop.is_set():
                    self._transaction(connection)
                    self.done += 1
        except Exception as error:  # noqa: BLE001 (looked at by the test)
            self.error = error

    def _transaction(self, connection: psycopg.Connection[Any]) -> None:
        try:
            for _ in range(self._random.choice((1, 1, 1, 3, 30))):
                self._statement(connection)
                if self._random.random() < 0.1:
                    self.stop.wait(self._random.random() * 0.05)
            if self._random.random() < 0.15:
                connection.rollback()
            else:
                connection.commit()
        except psycopg.errors.DeadlockDetected:
            connection.rollback()

    def _statement(self, connection: psycopg.Connection[Any]) -> None:
        table = self._random.choice(("a", "b"))
        row = self._random.randrange(_ROWS * 2)
        self._next += 1
        kind = self._random.choice(("insert", "update", "text", "delete", "key", "insert"))
        known = f"(select id from {table} where id >= {row} order by id limit 1)"
        connection.execute(
            {
                "insert": f"insert into {table} values ({self._next}, {self._number}, "
                f"repeat('i', {_LONG}))",
                "update": f"update {table} set n = n + 1 where id = {known}",
                "text": f"update {table} set body = repeat('{self._number}', {_LONG}) || n, "
                f"n = n + 1 where id = {known}",
                "delete": f"delete from {table} where id = {known}",
                "key": f"update {table} set id = {self._next} where id = {known}",
            }[kind].encode()
        )


def hand_over(url: str, root: Path, seed: int) -> None:
    """A first run beside writers, one more of them, then one that reads the rest; all equal."""
    with closing(psycopg.connect(url, autocommit=True)) as sql:
        for table in ("a", "b"):
            sql.execute(f"create table {table}(id bigint primary key, n int, body text)".encode())
            sql.execute(f"alter table {table} alter body set storage external".encode())
            sql.execute(
                f"insert into {table} select i, 0, repeat('s', {_LONG}) "
                f"from generate_series(1, {_ROWS}) i".encode()
            )
        tables = Tables(
            root, {"type": "postgres", "url": url, "mode": "LOG_BASED",
                   "ingestion_batch_rows": 90, "historical_parallelism": 2},
            {"package_rows": 100},
        )  # fmt: skip
        writers = [Writer(url, seed, number) for number in range(_WRITERS)]
        with writing(writers):
            tables.run()
            tables.run()
        tables.run()
        for table in ("a", "b"):
            columns = f"select id, n, md5(body) from {table}"
            there = sorted(tables.rows(f"{columns} where not _ps_deleted"))
            assert there == sorted(sql.execute(columns.encode()).fetchall()), (seed, table)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_doubled(logical_url: str, tmp_path: Path, seed: int) -> None:
    hand_over(logical_url, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_nothing_is_lost_or_doubled_with_many_seeds(
    logical_url: str, tmp_path: Path, seed: int
) -> None:
    hand_over(logical_url, tmp_path, seed)
