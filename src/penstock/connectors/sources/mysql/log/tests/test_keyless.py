"""Tables without a key come exactly once, also while they are written to during their history."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import versions
from maria import MariaServer
from penstock.connectors.sources.mysql.log.master import Master
from tables import Tables

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
                while not self.stop.wait(0.005):
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


def hand_over(server: MariaServer, url: str, root: Path, seed: int) -> None:
    """A first run beside writers, one more of them, then one that reads the rest."""
    database = url.rpartition("/")[2]
    with closing(server.connect(database)) as session, session.cursor() as cursor:
        for table in _tables():
            cursor.execute(f"create table {table} ({versions.COLUMNS})")
            cursor.execute(f"insert into {table} select seq, null, 's' from seq_1_to_{_ROWS}")
        tables = Tables(root, {"type": "mysql", "url": url, "mode": "LOG_BASED"}, {})
        writers = [Writer(lambda: server.connect(database), seed, at) for at in range(_WRITERS)]
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
        for table in _tables():
            cursor.execute(f"select v, prev from {table}")
            there = tables.rows(f"select v, prev, _ps_deleted from {table}")
            versions.check(cursor.fetchall(), there, where=(seed, table))


@pytest.mark.parametrize("seed", range(10))
def test_every_change_comes_once(
    logging_server: MariaServer, log_url: str, tmp_path: Path, seed: int
) -> None:
    hand_over(logging_server, log_url, tmp_path, seed)


@pytest.mark.parametrize("seed", range(100, 105))
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
