"""SIGKILL again and again while a table is read: little is read twice, nothing is loaded twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from penstock.core.failpoints import SEAL_NAMES
from tables import PIPELINE, Tables

pytestmark = pytest.mark.postgres
ROWS = 300_000
PLACES = (
    "extract.after_batch:9",
    "seal.after:40",
    "recover.begun",
    "recover.before_close",
    "seal.before:40",
    "recover.closed",
    "extract.after_batch:80",
    "load.after_commit",
    "stage.after_files:2",
)
MOST_AGAIN = 0.05
"""Of the rows, by the server's count of what its scans fetched; 0.03 is usual."""


def run(root: Path, place: str = "") -> int:
    done = subprocess.run(
        [sys.executable, "-m", "penstock", "run", PIPELINE, "--json"],
        cwd=root, env={**os.environ, "PENSTOCK_FAILPOINT": place},
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode


def fetched(sql: psycopg.Connection[Any]) -> int:
    """Rows of the table that scans have brought so far, once all readers are gone."""
    others = (
        "select count(*) from pg_stat_activity where datname = current_database() "
        "and pid <> pg_backend_pid() and backend_type = 'client backend'"
    )
    for _ in range(600):
        if sql.execute(others).fetchone() == (0,):
            break
        time.sleep(0.05)
    row = sql.execute(
        "select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where relname = 't'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_every_place_of_sealing_is_passed() -> None:
    assert set(SEAL_NAMES) <= {place.partition(":")[0] for place in PLACES}


@pytest.mark.parametrize("mode", ["append", pytest.param("merge", marks=pytest.mark.slow)])
def test_kills_cost_little_reading_and_no_row(tmp_path: Path, postgres_url: str, mode: str) -> None:
    tables = Tables(tmp_path, {"type": "postgres", "url": postgres_url}, {"load_mode": mode})
    tables.write()
    with closing(psycopg.connect(postgres_url, autocommit=True)) as sql:
        sql.execute(
            f"create table t as select n as id, md5(n::text) as v, n * 1.5 as amount "
            f"from generate_series(1, {ROWS}) n".encode()
        )
        sql.execute("alter table t add primary key (id)")
        sql.execute("vacuum analyze t")
    # A session's counts are complete once it has ended.
    with closing(psycopg.connect(postgres_url, autocommit=True)) as sql:
        before = fetched(sql)
        assert [run(tmp_path, place) for place in PLACES] == [-signal.SIGKILL] * len(PLACES)
        assert run(tmp_path) == 0
        again = fetched(sql) - before - ROWS
    assert tables.rows("select count(*), count(distinct id), sum(id) from t") == [
        (ROWS, ROWS, ROWS * (ROWS + 1) // 2)
    ]
    assert 0 < again < MOST_AGAIN * ROWS
    assert not [path for path in tmp_path.rglob("staging/*/*/*/*") if path.is_file()]
