"""Rows that are appended come exactly once, also while their tables are written to during their
history: tables without a key, and all in `append` mode."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pymysql
import pytest

import versions
from dying import Rows, kill_twice
from maria import MariaServer
from penstock.connectors.sources.mysql.log.joining import Joining
from penstock.connectors.sources.mysql.log.master import Master
from penstock.connectors.sources.mysql.log.moment import Moments
from penstock.connectors.sources.mysql.log.place import Place
from penstock.connectors.sources.mysql.log.position import Position
from penstock.core.errors import ObjectFailed
from penstock.sdk.log.joins import Joined, Joins
from tables import Tables
from writers import writing

pytestmark = pytest.mark.mysql

_ROWS = 300
_WRITERS = 3
_TABLES = ("a", "b")


class Writer(threading.Thread):
    """Random transactions, some rolled back in part or whole, until told to stop."""

    def __init__(self, connect: Callable[[], Any], seed: int, number: int) -> None:
        super().__init__(name=f"writer {number}")
        self._connect = connect
        self._random = random.Random(seed * 10 + number)
        self._next = (number + 1) * 1_000_000
        self._number = number
        self.stop = threading.Event()
        self.error: Exception | None = None
        self.done = 0

    def run(self) -> None:
        try:
            with closing(self._connect()) as session, session.cursor() as cursor:
                # Rows are found by the whole table, of which nothing but the rows is locked so.
                cursor.execute("set session transaction isolation level read committed")
                while not self.stop.wait(0.02):
                    self._transaction(cursor)
                    self.done += 1
        except Exception as error:  # noqa: BLE001 (looked at by the test)
            self.error = error

    def _transaction(self, cursor: Any) -> None:
        cursor.execute("begin")
        for _ in range(self._random.choice((1, 1, 1, 3, 10))):
            cursor.execute("savepoint s")
            cursor.execute(self._statement())
            if self._random.random() < 0.2:
                cursor.execute("rollback to savepoint s")
            if self._random.random() < 0.1:
                self.stop.wait(self._random.random() * 0.05)
        cursor.execute("rollback" if self._random.random() < 0.15 else "commit")

    def _statement(self) -> str:
        # Each writer has a table for its changes, so that no two wait for each other.
        table = self._random.choice((*_TABLES, f"own{self._number}"))
        first, self._next = self._next + 1, self._next + 31
        kind = self._random.choice(
            ("insert", "many") if table in _TABLES else ("insert", "update", "delete")
        )
        return {
            "insert": f"insert into {table} values ({first}, null, 'i')",
            "many": f"insert into {table} select {first} + seq, null, repeat('m', 300) "
            "from seq_0_to_29",
            "update": f"update {table} set prev = v, v = {first} order by v desc limit 1",
            "delete": f"delete from {table} order by v limit 1",
        }[kind]


def _tables() -> tuple[str, ...]:
    return (*_TABLES, *(f"own{number}" for number in range(_WRITERS)))


def hand_over(server: MariaServer, url: str, root: Path, seed: int, *, keyed: bool = False) -> None:
    """A first run beside writers, one more of them, then one that reads the rest."""
    database = url.rpartition("/")[2]
    with closing(server.connect(database)) as session, session.cursor() as cursor:
        for table in _tables():
            cursor.execute(f"create table {table} ({versions.COLUMNS})")
            if keyed:
                cursor.execute(f"alter table {table} add primary key (v)")
            cursor.execute(f"insert into {table} select seq, null, 's' from seq_1_to_{_ROWS}")
        how = {"load_mode": "append"} if keyed else {}
        tables = Tables(root, {"type": "mysql", "url": url, "mode": "LOG_BASED"}, how)
        writers = [Writer(lambda: server.connect(database), seed, at) for at in range(_WRITERS)]
        with writing(writers):
            tables.run()
            tables.run()
        tables.run()
        for table in _tables():
            cursor.execute(f"select v, prev from {table}")
            there = tables.rows(f"select v, prev, _ps_deleted from {table}")
            versions.check(cursor.fetchall(), there, where=(seed, table))


@pytest.mark.parametrize("seed", range(5))
def test_every_change_comes_once(
    logging_server: MariaServer, log_url: str, tmp_path: Path, seed: int
) -> None:
    hand_over(logging_server, log_url, tmp_path, seed)


@pytest.mark.parametrize("seed", range(3))
def test_with_a_key_too_in_append_mode(
    logging_server: MariaServer, log_url: str, tmp_path: Path, seed: int
) -> None:
    hand_over(logging_server, log_url, tmp_path, seed, keyed=True)


@pytest.mark.parametrize("seed", range(100, 102))
def test_every_change_comes_once_of_a_server_that_does_not_tell_of_snapshots(
    logging_server: MariaServer,
    log_url: str,
    tmp_path: Path,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As MySQL, whose tables are locked for a moment."""
    monkeypatch.setattr(Master, "snapshot", lambda _master: None)
    hand_over(logging_server, log_url, tmp_path, seed)


@pytest.mark.parametrize(
    "place",
    [
        "history.before_read",
        pytest.param("load.after_commit", marks=pytest.mark.slow),
        pytest.param("commit.before:2", marks=pytest.mark.slow),
    ],
)
def test_rows_come_once_when_jobs_are_killed(
    logging_server: MariaServer, log_url: str, tables: Tables, place: str
) -> None:
    database = log_url.rpartition("/")[2]
    with (
        closing(logging_server.connect(database)) as session,
        session.cursor() as cursor,
        closing(logging_server.connect(database)) as other,
        other.cursor() as writing,
    ):
        cursor.execute("create table loose (v int)")
        cursor.execute("insert into loose select -seq from seq_1_to_5000")
        tables.pipeline = {"package_rows": 500}
        tables.write()
        with Rows(lambda number: writing.execute(f"insert into loose values ({number})")):
            kill_twice(tables.root, place)
        tables.run()
        cursor.execute("select v from loose")
        assert sorted(tables.rows("select v from loose")) == sorted(cursor.fetchall())


def _loose(tables: Tables) -> list[tuple[Any, ...]]:
    return sorted(tables.rows("select v, _ps_deleted from loose"))


@pytest.mark.parametrize("policy", ["SOFT", "HARD", "IGNORE"])
def test_updates_and_deletes_are_appended(
    sql: Callable[[str], None], tables: Tables, policy: str
) -> None:
    sql("create table loose (v int); insert into loose values (1), (2)")
    tables.pipeline = {"delete_handling": policy}
    tables.run()
    sql("update loose set v = 3 where v = 1; delete from loose where v = 2; truncate table loose")
    assert any("emptied at once" in text for text in tables.run().warnings)
    if policy == "IGNORE":
        assert sorted(tables.rows("select v from loose")) == [(1,), (2,), (3,)]
    else:
        assert _loose(tables) == [(1, False), (2, False), (2, True), (3, False)]


def test_changes_wait_for_a_history_that_a_later_job_reads(
    sql: Callable[[str], None], tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql("create table loose (v int); insert into loose values (1)")
    sql("create table keyed (id int primary key); insert into keyed values (1)")

    def fails(*_: object) -> None:
        sql("insert into loose values (2); insert into keyed values (2)")
        raise ObjectFailed("It cannot be read now.")

    with monkeypatch.context() as broken:
        broken.setattr(Moments, "begin", fails)
        assert tables.tried().status == "COMPLETED_WITH_FAILURES"
    assert sorted(tables.rows("select id from keyed")) == [(1,), (2,)]
    sql("insert into loose values (3)")
    tables.run()
    sql("insert into loose values (4)")
    tables.run()
    assert _loose(tables) == [(1, False), (2, False), (3, False), (4, False)]


def test_the_user_is_told_which_right_makes_it_exact(
    sql: Callable[[str], None], tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a server that does not tell of snapshots, by one who may not lock the table."""
    sql("create table loose (v int); insert into loose values (1)")

    @contextmanager
    def refused(*_: object) -> Iterator[None]:
        raise pymysql.OperationalError(1044, "Access denied")
        yield

    monkeypatch.setattr(Master, "snapshot", lambda _master: None)
    monkeypatch.setattr(Moments, "_locked", refused)
    assert any("GRANT LOCK TABLES ON" in text for text in tables.run().warnings)
    sql("insert into loose values (2)")
    tables.run()
    assert _loose(tables) == [(1, False), (2, False)]


def test_another_server_s_transactions_are_known_by_their_ids() -> None:
    maria = {("s", "a"): Position("b.000002", 700, "0-1-7,3-1-2", "one")}
    assert _left_out(maria, "two", (0, 2, 7)) == {("s", "a")}
    assert _left_out(maria, "two", (3, 2, 3)) == set()
    mysql = {("s", "a"): Position("b.000002", 700, f"{_UUID}:1-7", "one")}
    assert _left_out(mysql, "two", (_UUID, 7)) == {("s", "a")}
    assert _left_out(mysql, "two", (_UUID, 8)) == set()


_UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"


def _left_out(
    snapshots: dict[tuple[str, str], Position],
    server: str,
    transaction: tuple[int, int, int] | tuple[str, int],
) -> set[tuple[str, str]]:
    joins = Joins()
    joins.follow(
        Joined({name[1]: name}, None, {"complete": True, "snapshot": asdict(at)})
        for name, at in snapshots.items()
    )
    place = Place(Position("", 0, "", server))
    place._next = transaction
    return set(Joining(joins).look(place))
