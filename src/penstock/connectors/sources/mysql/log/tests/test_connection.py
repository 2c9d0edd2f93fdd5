"""What happens to the connection: encrypted, ended by the server, again and again."""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pymysql
import pytest

from certificates import Authority
from maria import BINLOG, MariaServer
from tables import Tables

pytestmark = pytest.mark.mysql


def test_rows_and_log_come_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ours")
    settings: dict[str, Any] = dict(BINLOG)
    with (
        MariaServer(tls=authority.server("127.0.0.1"), **settings) as server,
        closing(server.connect()) as session,
        session.cursor() as cursor,
    ):
        cursor.execute("create table t (id int primary key, v varchar(90))")
        cursor.execute("insert into t select seq, repeat('x', seq % 90) from seq_1_to_50000")
        tables = Tables(
            tmp_path, {"type": "mysql", "url": server.url, "mode": "LOG_BASED",
                       "sslmode": "verify-full", "sslrootcert": str(authority.file)},
        )  # fmt: skip
        assert tables.read() == {"t": 50_000}
        cursor.execute("update t set v = concat(v, 'y') where id <= 30000")
        assert tables.read() == {"t": 30_000}
        assert tables.rows("select count(*), sum(length(v)) from t") == [
            (50_000, sum(at % 90 for at in range(1, 50_001)) + 30_000)
        ]


class Killer(threading.Thread):
    """Ends every session of a user, again and again."""

    def __init__(self, server: MariaServer, user: str) -> None:
        super().__init__(name="killer")
        self._server, self._user = server, user
        self.stop = threading.Event()
        self.killed = 0

    def run(self) -> None:
        with closing(self._server.connect()) as session, session.cursor() as cursor:
            while not self.stop.wait(0.3):
                cursor.execute(
                    "select id from information_schema.processlist where user = %s", [self._user]
                )
                for (number,) in cursor.fetchall():
                    with suppress(pymysql.Error):
                        cursor.execute(f"kill {number}")
                        self.killed += 1


def test_sessions_that_the_server_ends_lose_and_double_nothing(
    logging_server: MariaServer, log_url: str, tmp_path: Path
) -> None:
    """Rows are appended, so that one that came twice would be seen."""
    database = log_url.rpartition("/")[2]
    with closing(logging_server.connect(database)) as session, session.cursor() as cursor:
        cursor.execute("create or replace user cut@'127.0.0.1' identified by 'secret'")
        cursor.execute(f"grant select on {database}.* to cut@'127.0.0.1'")
        cursor.execute("grant replication slave, binlog monitor on *.* to cut@'127.0.0.1'")
        cursor.execute("create table t (id int primary key, v int)")
        tables = Tables(
            tmp_path, {"type": "mysql", "url": log_url, "mode": "LOG_BASED", "user": "cut",
                       "password": "secret"},
            {"load_mode": "append", "package_rows": 500},
        )  # fmt: skip
        tables.run()
        killer = Killer(logging_server, "cut")
        killer.start()
        try:
            for first in range(0, 6000, 1000):
                cursor.execute(f"insert into t select seq, 0 from seq_{first + 1}_to_{first + 500}")
                for at in range(first + 501, first + 1001, 50):
                    cursor.execute(f"insert into t select seq, 1 from seq_{at}_to_{at + 49}")
                tables.tried()
        finally:
            killer.stop.set()
            killer.join()
        assert killer.killed
        tables.run()
    assert tables.rows("select count(*), count(distinct id), max(id) from t") == [
        (6000, 6000, 6000)
    ]
