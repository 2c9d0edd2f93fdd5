"""A job that is killed at any moment, with the server too, and begun again: nothing is lost."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from servers import PostgresServer
from tables import PIPELINE, Tables

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

_ROUNDS = 8
_PENSTOCK = (sys.executable, "-c", "from penstock.cli.start import run; run()")


def _write(server: PostgresServer, stop: threading.Event) -> None:
    """Changes as fast as they go, also while the server goes away and comes back."""
    number = 0
    while not stop.is_set():
        with (
            suppress(psycopg.OperationalError),
            closing(psycopg.connect(server.url, autocommit=True)) as connection,
        ):
            while not stop.is_set():
                number += 1
                connection.execute(
                    f"insert into a values ({number}, 0) on conflict do nothing; "
                    f"update a set n = n + 1 where id % 50 = {number % 50}; "
                    f"delete from a where id = {number - 300}; "
                    f"insert into b values ({number}, {number})".encode()
                )
        stop.wait(0.05)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kill_server", [False, True])
def test_nothing_is_lost_or_doubled_by_kills(tmp_path: Path, *, kill_server: bool) -> None:
    pauses = random.Random(17)
    with PostgresServer(durable=True, wal_level="logical") as server:
        with closing(psycopg.connect(server.url, autocommit=True)) as sql:
            sql.execute("create table a(id int primary key, n int)")
            # Without a key, rows are appended: one that came twice would be seen.
            sql.execute("create table b(id int, n int); alter table b replica identity full")
            sql.execute("insert into a select -i, 0 from generate_series(1, 5000) i")
            sql.execute("insert into b select -i, 0 from generate_series(1, 5000) i")
        source = {"type": "postgres", "url": server.url, "mode": "LOG_BASED"}
        tables = Tables(tmp_path, source, {"package_rows": 500})
        tables.write()
        stop = threading.Event()
        writer = threading.Thread(target=_write, args=(server, stop))
        writer.start()
        try:
            for _ in range(_ROUNDS):
                words = [*_PENSTOCK, "run", PIPELINE, "--follow", "--flush", "100ms"]
                job = subprocess.Popen(
                    [*words, "--workspace", str(tmp_path)],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                with suppress(subprocess.TimeoutExpired):
                    job.wait(1.5 + pauses.random() * 3)
                if kill_server:
                    server.kill()
                    server.start()
                    with suppress(subprocess.TimeoutExpired):
                        job.wait(pauses.random() * 2)
                job.kill()
                job.wait()
        finally:
            stop.set()
            writer.join()
        tables.run()
        with closing(psycopg.connect(server.url, autocommit=True)) as sql:
            for table, live in (("a", "where not _ps_deleted"), ("b", "")):
                wanted = sorted(sql.execute(f"select id, n from {table}".encode()).fetchall())
                assert sorted(tables.rows(f"select id, n from {table} {live}")) == wanted
