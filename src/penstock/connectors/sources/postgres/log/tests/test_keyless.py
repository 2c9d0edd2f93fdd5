"""Tables without a key come exactly once, also while they are written to during their history."""

from __future__ import annotations

import random
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

import versions
from tables import Tables

pytestmark = pytest.mark.postgres

_ROWS = 300
_WRITERS = 3
_FULL = ("a", "p")
"""Tables of which the log has old rows; p is partitioned. Of b it has inserts alone."""


class Writer(threading.Thread):
    """Random transactions, some rolled back in part or whole, some large, until told to stop."""

    def __init__(self, url: str, seed: int, number: int) -> None:
        super().__init__(name=f"writer {number}")
        self._url = url
        self._random = random.Random(seed * 10 + number)
        self._next = (number + 1) * 1_000_000
        self._parts = f"{number} = v / 1000000 - 1"
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
        for _ in range(self._random.choice((1, 1, 1, 3, 10))):
            with connection.transaction(force_rollback=self._random.random() < 0.2):
                self._statement(connection)
            if self._random.random() < 0.1:
                self.stop.wait(self._random.random() * 0.05)
        if self._random.random() < 0.15:
            connection.rollback()
        else:
            connection.commit()

    def _statement(self, connection: psycopg.Connection[Any]) -> None:
        table = self._random.choice(("a", "b", "p"))
        self._next += 1
        # Each writer changes rows of its own, so that no two wait for each other.
        one = f"v = (select max(v) from {table} where {self._parts})"
        kind = self._random.choice(("insert", "many", "update", "delete"))
        if table not in _FULL and kind in ("update", "delete"):
            kind = "insert"
        if kind == "many":
            # More than the server holds back: it comes before it is committed.
            first, self._next = self._next, self._next + 30
            values = (
                f"select i, null, repeat('m', 3000) from generate_series({first}, {self._next}) i"
            )
        else:
            values = f"values ({self._next}, null, 'i')"
        connection.execute(
            {
                "insert": f"insert into {table} {values}",
                "many": f"insert into {table} {values}",
                "update": f"update {table} set v = {self._next}, prev = v where {one}",
                "delete": f"delete from {table} where {one}",
            }[kind].encode()
        )


def _make(sql: psycopg.Connection[Any]) -> None:
    sql.execute(f"create table a({versions.COLUMNS}); create table b({versions.COLUMNS})".encode())
    sql.execute(f"create table p({versions.COLUMNS}) partition by hash (v)".encode())
    for part in (0, 1):
        values = f"for values with (modulus 2, remainder {part})"
        sql.execute(f"create table p{part} partition of p {values}".encode())
    for table in ("a", "p", "p0", "p1"):
        sql.execute(f"alter table {table} replica identity full".encode())
    for table in ("a", "b", "p"):
        sql.execute(
            f"insert into {table} select i, null, 's' from generate_series(1, {_ROWS}) i".encode()
        )


def compare(url: str, tables: Tables, where: object) -> None:
    with closing(psycopg.connect(url, autocommit=True)) as sql:
        for table in ("a", "b", "p"):
            source = sql.execute(f"select v, prev from {table}".encode()).fetchall()
            there = tables.rows(f"select v, prev, _ps_deleted from {table}")
            versions.check(source, there, where=(where, table))


def hand_over(url: str, root: Path, seed: int) -> None:
    """A first run beside writers, one more of them, then one that reads the rest."""
    with closing(psycopg.connect(url, autocommit=True)) as sql:
        _make(sql)
    tables = Tables(root, {"type": "postgres", "url": url, "mode": "LOG_BASED"}, {})
    writers = [Writer(url, seed, number) for number in range(_WRITERS)]
    for writer in writers:
        writer.start()
    try:
        tables.run()
        tables.run()
    finally:
        for writer in writers:
            writer.stop.set()
        for writer in writers:
            writer.join()
    assert [writer.error for writer in writers] == [None] * _WRITERS
    assert all(writer.done for writer in writers)
    tables.run()
    compare(url, tables, seed)


@pytest.mark.parametrize("seed", range(10))
def test_every_change_comes_once(logical_url: str, tmp_path: Path, seed: int) -> None:
    hand_over(logical_url, tmp_path, seed)
