"""`penstock verify` between real databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from penstock.cli.settings import settings_model
from penstock.control.workspace import Workspace
from penstock.core.progress import Progress
from penstock.core.registry import Registry
from penstock.engine.verify.result import Kind, ObjectResult, Status
from penstock.worker.jobs import run_pipeline
from penstock.worker.options import RunOptions
from penstock.worker.verify import VerifyOptions, repairs, verify
from servers import postgres_server, postgres_url
from tables import PIPELINE, Tables

__all__ = ["postgres_server", "postgres_url"]
pytestmark = pytest.mark.postgres


@pytest.fixture
def sql(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
        yield connection


@pytest.fixture(params=["duckdb", "postgres"])
def tables(request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path) -> Tables:
    """Schema `public` of the test's database, copied to where each case says."""
    place = {"type": "duckdb", "path": "out.duckdb"}
    if request.param == "postgres":
        place = {"type": "postgres", "url": postgres_url, "schema": "copied"}
    source = {"type": "postgres", "url": postgres_url, "schema": "public"}
    return Tables(tmp_path, source, destination=place)


def change(tables: Tables, statement: str) -> None:
    """Touch the copy behind Penstock's back."""
    assert tables.destination is not None
    if tables.destination["type"] == "duckdb":
        with duckdb.connect(str(tables.root / "out.duckdb")) as connection:
            connection.execute(statement)
        return
    with psycopg.connect(tables.destination["url"], autocommit=True) as connection:
        connection.execute("set search_path = copied")
        connection.execute(statement.encode())


def opened(tables: Tables) -> Workspace:
    return Workspace.open(
        tables.root, registry=Registry.scan(), model_of=settings_model, environ={}
    )


def compared(tables: Tables, **options: Any) -> dict[str, ObjectResult]:
    workspace = opened(tables)
    told = VerifyOptions(**{"wait_s": 0.0, **options})
    return {item.object: item for item in verify(workspace, PIPELINE, told, threading.Event())}


def test_a_copy_is_equal_and_one_changed_cell_is_found(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute(
        "create table orders (id bigint primary key, name text, price numeric(12,2),"
        " at timestamptz, doc jsonb, data bytea);"
        "insert into orders select n, 'name ' || n, n / 7.0, '2025-01-01'::timestamptz + n * "
        "interval '1.000001 s', jsonb_build_object('n', n, 'a', array[1, n]), "
        "decode(md5(n::text), 'hex') from generate_series(1, 5000) n"
    )
    tables.run()
    found = compared(tables)["orders"]
    assert (found.status, found.source_rows, found.destination_rows) == (Status.EQUAL, 5000, 5000)
    assert found.different == 0

    change(tables, "update orders set name = 'name 78' where id = 77")
    change(tables, "delete from orders where id = 4000")
    sql.execute("delete from orders where id = 300")
    found = compared(tables)["orders"]
    assert found.status is Status.DIFFERENT
    assert [(item.key, item.kind) for item in found.differences] == [
        ((77,), Kind.CHANGED), ((300,), Kind.EXTRA), ((4000,), Kind.MISSING),
    ]  # fmt: skip
    (value,) = found.differences[0].values
    assert (value.column, value.source, value.destination) == ("name", "name 77", "name 78")
    assert [(item.range.first, item.keys) for item in found.ranges] == [
        (77, 1), (300, 1), (4000, 1),
    ]  # fmt: skip


class Quiet:
    """Nobody looks on."""

    def progress(self, snapshot: Progress) -> None: ...

    def message(self, level: str, text: str) -> None: ...


def repaired(tables: Tables) -> Any:
    workspace = opened(tables)
    found = compared(tables).values()
    wanted = repairs(workspace, PIPELINE, found)
    job = RunOptions(objects=tuple(wanted), repair=wanted)
    return run_pipeline(workspace, PIPELINE, job, Quiet(), threading.Event())


def test_a_repair_reads_only_the_keys_that_differ(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute(
        "create table orders (id bigint primary key, name text);"
        "insert into orders select n, 'name ' || n from generate_series(1, 3000) n;"
        "create table codes (code text primary key, name text);"
        "insert into codes select 'c' || n, 'name ' || n from generate_series(1, 300) n;"
        "create table pairs (a text, b int, v text, primary key (a, b));"
        "insert into pairs select 'c' || n % 3, n, 'name ' || n from generate_series(1, 300) n;"
    )
    tables.run()
    for table, key in (("orders", "id = {}"), ("codes", "code = 'c{}'"), ("pairs", "b = {}")):
        column = "v" if table == "pairs" else "name"
        change(tables, f"update {table} set {column} = 'x' where {key.format(7)}")
        change(tables, f"delete from {table} where {key.format(11)}")
        sql.execute(f"delete from {table} where {key.format(20)}".encode())
    assert [item.different for item in compared(tables).values()] == [3, 3, 3]
    summary = repaired(tables)
    assert [(item.books.read, item.books.loaded) for item in summary.objects] == [(3, 3)] * 3
    again = compared(tables).values()
    assert [(item.status, item.different) for item in again] == [(Status.EQUAL, 0)] * 3
    # The positions stay, and a row that comes back is there again.
    sql.execute("insert into orders values (20, 'back')")
    tables.run()
    assert {item.status for item in compared(tables).values()} == {Status.EQUAL}
