"""A job that is killed where the history of a table without a key and the log meet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tables import PIPELINE, Tables

pytestmark = pytest.mark.postgres

_PENSTOCK = (sys.executable, "-c", "from penstock.cli.start import run; run()")
_ROWS = 5_000


class Writer(threading.Thread):
    """One row after the other into both tables, in one transaction."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.stop = threading.Event()

    def run(self) -> None:
        number = 0
        with closing(psycopg.connect(self._url, autocommit=True)) as connection:
            while not self.stop.wait(0.002):
                number += 1
                rows = f"insert into a values ({number}); insert into k values ({number})"
                connection.execute(rows.encode())


def _job(root: Path, **env: str) -> int:
    done = subprocess.run(
        [*_PENSTOCK, "run", PIPELINE, "--workspace", str(root)],
        env={**os.environ, **env}, timeout=120, check=False, capture_output=True,
    )  # fmt: skip
    return done.returncode


@pytest.mark.parametrize(
    "place",
    [
        # The first package with rows is the whole history: a table without a key comes first.
        "extract.after_last_batch",
        "load.after_commit",
        "history.before_read",
        *(
            pytest.param(place, marks=pytest.mark.slow)
            for place in (
                "extract.after_batch:2",
                "stage.after_close",
                "load.before_commit",
                "commit.before:2",
                "commit.after:2",
                "acknowledge.before:2",
                "acknowledge.after:2",
                "history.read",
                # By then the log has been told of changes that the history did not have.
                "load.before_commit:3",
                "load.after_commit:3",
                "commit.after:4",
            )
        ),
    ],
)
def test_rows_come_once(logical_url: str, tmp_path: Path, place: str) -> None:
    with closing(psycopg.connect(logical_url, autocommit=True)) as sql:
        sql.execute("create table a(v int); create table k(v int primary key)")
        sql.execute(f"insert into a select -i from generate_series(1, {_ROWS}) i".encode())
        source = {"type": "postgres", "url": logical_url, "mode": "LOG_BASED"}
        tables = Tables(tmp_path, source, {"package_rows": 500})
        tables.write()
        writer = Writer(logical_url)
        writer.start()
        try:
            killed = [_job(tmp_path, PENSTOCK_FAILPOINT=place) for _ in range(2)]
        finally:
            writer.stop.set()
            writer.join()
        assert -signal.SIGKILL in killed, "no run was killed: the place is not on this way"
        tables.run()
        for table in ("a", "k"):
            wanted = sorted(sql.execute(f"select v from {table}".encode()).fetchall())
            assert sorted(tables.rows(f"select v from {table}")) == wanted
