"""A job that is killed where the history of a table without a key and the log meet."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from dying import Rows, kill_twice
from tables import Tables

pytestmark = pytest.mark.postgres

_ROWS = 5_000


@pytest.mark.parametrize(
    "place",
    [
        # The first package with rows is the whole history: a table without a key comes first.
        "load.after_commit",
        "history.before_read",
        *(
            pytest.param(place, marks=pytest.mark.slow)
            for place in (
                "extract.after_batch:2",
                "extract.after_last_batch",
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
        with closing(psycopg.connect(logical_url, autocommit=True)) as other:

            def write(number: int) -> None:
                rows = f"insert into a values ({number}); insert into k values ({number})"
                other.execute(rows.encode())

            with Rows(write):
                kill_twice(tmp_path, place)
        tables.run()
        for table in ("a", "k"):
            wanted = sorted(sql.execute(f"select v from {table}".encode()).fetchall())
            assert sorted(tables.rows(f"select v from {table}")) == wanted
