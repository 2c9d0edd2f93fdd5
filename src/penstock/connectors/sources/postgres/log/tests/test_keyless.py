"""Rows that are appended come exactly once, also while their tables are written to during their
history: tables without a key, and all in `append` mode."""

from __future__ import annotations

import random
import threading
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import psycopg2
import pytest

import versions
from penstock.connectors.sources.postgres.log import source
from penstock.connectors.sources.postgres.log.snapshot import Snapshot, take
from penstock.core.errors import ObjectFailed
from tables import Tables
from writers import writing

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
                while not self.stop.wait(0.01):
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


def _make(sql: psycopg.Connection[Any], *, keyed: bool) -> None:
    sql.execute(f"create table a({versions.COLUMNS}); create table b({versions.COLUMNS})".encode())
    sql.execute(f"create table p({versions.COLUMNS}) partition by hash (v)".encode())
    for part in (0, 1):
        values = f"for values with (modulus 2, remainder {part})"
        sql.execute(f"create table p{part} partition of p {values}".encode())
    for table in ("a", "p", "p0", "p1") if not keyed else ():
        sql.execute(f"alter table {table} replica identity full".encode())
    for table in ("a", "b", "p") if keyed else ():
        sql.execute(f"alter table {table} add primary key (v)".encode())
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


def hand_over(url: str, root: Path, seed: int, *, keyed: bool) -> None:
    """A first run beside writers, one more of them, then one that reads the rest."""
    with closing(psycopg.connect(url, autocommit=True)) as sql:
        _make(sql, keyed=keyed)
    how = {"load_mode": "append"} if keyed else {}
    tables = Tables(root, {"type": "postgres", "url": url, "mode": "LOG_BASED"}, how)
    writers = [Writer(url, seed, number) for number in range(_WRITERS)]
    with writing(writers):
        tables.run()
        tables.run()
    tables.run()
    compare(url, tables, seed)


@pytest.mark.parametrize("seed", range(7))
def test_every_change_comes_once(logical_url: str, tmp_path: Path, seed: int) -> None:
    hand_over(logical_url, tmp_path, seed, keyed=False)


@pytest.mark.parametrize("seed", range(3))
def test_with_a_key_too_in_append_mode(logical_url: str, tmp_path: Path, seed: int) -> None:
    hand_over(logical_url, tmp_path, seed, keyed=True)


def test_changes_wait_for_a_history_that_a_later_job_reads(
    sql: psycopg.Connection[Any], tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql.execute("create table a(v int); insert into a values (1)")
    sql.execute("create table k(id int primary key); insert into k values (1)")

    def fails(*_: object) -> Snapshot:
        sql.execute("insert into a values (2); insert into k values (2)")
        raise ObjectFailed("It cannot be read now.")

    with monkeypatch.context() as broken:
        broken.setattr(source, "take", fails)
        assert tables.tried().status == "COMPLETED_WITH_FAILURES"
    assert sorted(tables.rows("select id from k")) == [(1,), (2,)]
    sql.execute("insert into a values (3)")
    tables.run()
    sql.execute("insert into a values (4)")
    tables.run()
    assert sorted(tables.rows("select v from a")) == [(1,), (2,), (3,), (4,)]


def test_a_full_read_of_one_table_leaves_the_log_behind(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    """Its rows are newer than what the log was read to, for this table alone."""
    sql.execute("create table a(v int); create table b(v int)")
    tables.run()
    sql.execute("insert into a values (1); insert into b values (1)")
    tables.run(full_refresh=True, objects=["a"])
    sql.execute("insert into a values (2)")
    tables.run()
    assert sorted(tables.rows("select v from a")) == [(1,), (2,)]
    assert tables.rows("select v from b") == [(1,)]


def test_a_table_that_was_made_again_is_read_beside_its_changes(
    sql: psycopg.Connection[Any], tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql.execute("create table a(v int); insert into a values (1)")
    tables.run()
    sql.execute("drop table a; create table a(v int); insert into a values (2)")

    def slowly(cursor: Any, *rest: Any) -> Snapshot:
        sql.execute("insert into a values (3)")
        found = take(cursor, *rest)
        sql.execute("insert into a values (4)")
        return found

    monkeypatch.setattr(source, "take", slowly)
    tables.run()
    tables.run()
    assert sorted(tables.rows("select v from a")) == [(1,), (2,), (3,), (4,)]


def test_tables_that_are_one_object(
    sql: psycopg.Connection[Any], tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql.execute("create schema s; create table a(v int); create table s.a(v int)")
    tables.source = {**tables.source, "schema": ["public", "s"], "merge_tables": True}
    number = 0

    def busy(cursor: Any, table: str, *rest: Any) -> Snapshot:
        nonlocal number
        number += 10
        sql.execute(f"insert into {table} values ({number})".encode())
        found = take(cursor, table, *rest)
        sql.execute(f"insert into {table} values ({number + 1})".encode())
        return found

    monkeypatch.setattr(source, "take", busy)
    tables.run()
    tables.run()
    assert sorted(tables.rows("select v from a")) == [(10,), (11,), (20,), (21,)]


def test_one_who_may_read_some_columns_alone_reads_at_one_snapshot_too(
    sql: psycopg.Connection[Any], logical_url: str
) -> None:
    sql.execute("create table a(v int, hidden int); insert into a values (1, 1)")
    role = f"r{uuid4().hex}"
    sql.execute(f"create role {role}; grant select (v) on a to {role}".encode())
    try:
        with closing(psycopg2.connect(logical_url)) as connection, connection.cursor() as cursor:
            cursor.execute(f"set role {role}")
            assert take(cursor, "public.a", connection.server_version, threading.Event()).lsn
            cursor.execute("select v from a")
            assert cursor.fetchall() == [(1,)]
    finally:
        sql.execute(f"drop owned by {role}; drop role {role}".encode())


@pytest.mark.parametrize(
    ("text", "numbers", "seen"),
    [
        ("100:110:103,105", [99, 100, 103, 104, 105, 109, 110, 500], [1, 1, 0, 1, 0, 1, 0, 0]),
        # The log has the last 32 bits of numbers that are larger.
        (
            "4294967290:4294967300:4294967298",
            [4294967289, 4294967295, 1, 2, 3, 4],
            [1, 1, 1, 0, 1, 0],
        ),
        ("8589934600:8589934600:", [7, 8, 4294967290], [1, 0, 1]),
    ],
)
def test_what_a_snapshot_sees(text: str, numbers: list[int], seen: list[int]) -> None:
    found = Snapshot.of(Snapshot.parsed(text, 7).raw())
    assert found.sees(np.array(numbers, np.int64)).tolist() == [bool(item) for item in seen]
