"""The commands as a user types them: following until told to stop, and previews."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from penstock.connectors.sources.postgres.log import wire
from tables import PIPELINE, Tables

pytestmark = pytest.mark.postgres

_PATIENCE_S = 60.0
_PENSTOCK = (sys.executable, "-c", "from penstock.cli.start import run; run()")
Sql = psycopg.Connection[Any]


@pytest.fixture
def copy(logical_url: str, tmp_path: Path, postgres_url: str) -> Tables:
    """From the logical server into another one, with a look at new tables every second."""
    source = {"type": "postgres", "url": logical_url, "mode": "log_based", "heartbeat_s": 1}
    return Tables(tmp_path, source, destination={"type": "postgres", "url": postgres_url})


@pytest.fixture
def target(postgres_url: str) -> Iterator[Sql]:
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
        yield connection


@contextmanager
def following(tables: Tables) -> Iterator[subprocess.Popen[str]]:
    tables.write()
    words = ["run", PIPELINE, "--follow", "--flush", "200ms", "--json", "--workspace"]
    process = subprocess.Popen(
        [*_PENSTOCK, *words, str(tables.root)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(found: Callable[[], Any], wanted: Any) -> None:
    end = time.monotonic() + _PATIENCE_S
    last: Any = None
    while time.monotonic() < end:
        try:
            last = found()
        except psycopg.errors.UndefinedTable:
            last = "no table"
        if last == wanted:
            return
        time.sleep(0.1)
    raise AssertionError(f"{last!r} never became {wanted!r}")


def ids(target: Sql, table: str) -> Callable[[], list[int]]:
    query = f"select id from {table} where not _ps_deleted order by id"
    return lambda: [row[0] for row in target.execute(query.encode()).fetchall()]


def test_changes_arrive_while_it_runs_and_new_tables_too(
    sql: Sql, copy: Tables, target: Sql, logical_url: str
) -> None:
    sql.execute("create table a(id int primary key); insert into a values (1)")
    with following(copy) as process:
        until(ids(target, "a"), [1])
        sql.execute("insert into a values (2); delete from a where id = 1")
        until(ids(target, "a"), [2])
        sql.execute("create table b(id int primary key); insert into b values (1)")
        until(ids(target, "b"), [1])
        sql.execute("insert into b values (2); insert into a values (3)")
        until(ids(target, "b"), [1, 2])
        until(ids(target, "a"), [2, 3])
        sql.execute("select pg_terminate_backend(active_pid) from pg_replication_slots")
        sql.execute("insert into a values (4)")
        until(ids(target, "a"), [2, 3, 4])
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=_PATIENCE_S)
        summary = json.loads(out.splitlines()[-1])
        assert (process.returncode, summary["type"]) == (130, "summary"), out


def test_transactions_over_several_tables_are_seen_whole(
    sql: Sql, copy: Tables, target: Sql
) -> None:
    sql.execute("create table a(id int primary key); create table b(id int primary key)")
    with following(copy):
        until(ids(target, "a"), [])
        until(ids(target, "b"), [])
        both = "select (select count(*) from a), (select count(*) from b)"
        for number in range(1, 40):
            sql.execute(
                f"begin; insert into a values ({number}); insert into b values ({number}); commit"
            )
            one, other = target.execute(both.encode()).fetchone() or (0, 0)
            assert one == other
        until(ids(target, "b"), list(range(1, 40)))


def test_a_preview_reads_the_table_and_makes_nothing(sql: Sql, tables: Tables) -> None:
    sql.execute("create table a(id int primary key); insert into a values (1), (2)")
    sql.execute("create table b(id int primary key)")
    tables.write()
    words = ["preview", PIPELINE, "--object", "a", "--json", "--workspace", str(tables.root)]
    found = subprocess.run(
        [*_PENSTOCK, *words], capture_output=True, text=True, check=True, timeout=_PATIENCE_S
    )
    assert [json.loads(line)["id"] for line in found.stdout.splitlines()] == [1, 2]
    query = "select count(*) from pg_replication_slots where database = current_database()"
    assert sql.execute(query).fetchone() == (0,)


@contextmanager
def reading(sql: Sql, tables: Tables) -> Iterator[None]:
    """Somebody reads the pipeline's slot meanwhile."""
    row = sql.execute(
        "select slot_name from pg_replication_slots where database = current_database()"
    ).fetchone()
    assert row is not None
    sql.execute("create publication everything for all tables")
    command = (
        f'START_REPLICATION SLOT "{row[0]}" LOGICAL 0/0 '
        "(proto_version '1', publication_names 'everything')"
    )
    url = str(tables.source["url"])
    with closing(wire.start(wire.connect(conninfo_to_dict(url)), command)) as stream:
        stream.receive(5.0)
        yield
    sql.execute("drop publication everything")


def test_releasing_a_pipeline_drops_what_it_made(sql: Sql, tables: Tables) -> None:
    sql.execute("create table a(id int primary key); insert into a values (1)")
    tables.run()
    mine = "select count(*) from pg_replication_slots where database = current_database()"
    assert sql.execute(mine).fetchone() == (1,)

    def release(*how: str) -> subprocess.CompletedProcess[str]:
        words = ["release", PIPELINE, *how, "--workspace", str(tables.root)]
        return subprocess.run(
            [*_PENSTOCK, *words], capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    unasked = release()
    assert unasked.returncode == 2
    assert "nothing was done. --yes does not ask" in unasked.stderr
    with reading(sql, tables):
        busy = release("--yes")
    assert busy.returncode == 3, busy.stderr
    assert busy.stdout.startswith("SELECT pg_drop_replication_slot('penstock_copy_")
    done = release("--yes")
    assert done.returncode == 0, done.stderr
    assert sql.execute(mine).fetchone() == (0,)
    assert sql.execute("select count(*) from pg_publication").fetchone() == (0,)
    assert tables.read() == {"a": 1}
