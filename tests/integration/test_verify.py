"""`penstock verify` between real databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from maria import maria_server, maria_url
from penstock.engine.verify.result import Kind, Status
from servers import postgres_server, postgres_url
from tables import Tables
from verified import change, compared, repaired, tables

__all__ = ["maria_server", "maria_url", "postgres_server", "postgres_url", "tables"]
pytestmark = pytest.mark.postgres


@pytest.fixture
def sql(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
        yield connection


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
    assert (found.different, found.method) == (0, "hashes")

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


def test_rows_that_were_set_aside_are_named_so(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute(
        "create table days (id int primary key, day date);"
        "insert into days select n, '2025-01-01' from generate_series(1, 100) n;"
        "update days set day = 'infinity' where id in (5, 6)"
    )
    tables.tried()
    found = compared(tables)["days"]
    assert (found.status, found.failed, found.different) == (Status.SET_ASIDE, 2, 0)
    # A row that was there before its value was refused is still the old one.
    sql.execute("update days set day = 'infinity' where id = 7")
    found = compared(tables)["days"]
    assert (found.status, found.failed, found.different) == (Status.SET_ASIDE, 3, 0)
    assert [(item.key, item.kind, item.failed) for item in found.differences] == [
        ((7,), Kind.EXTRA, True)
    ]


def test_rows_that_no_job_has_read_are_behind(sql: psycopg.Connection[Any], tables: Tables) -> None:
    sql.execute(
        "create table notes (id int primary key, v text, updated_at timestamptz not null);"
        "insert into notes select n, 'a', now() - interval '1 h' from generate_series(1, 50) n"
    )
    tables.run()
    sql.execute(
        "update notes set v = 'b', updated_at = now() where id = 3;"
        "insert into notes values (51, 'c', now());"
        "update notes set v = 'silent' where id = 9"
    )
    found = compared(tables)["notes"]
    assert (found.behind, found.different, found.status) == (2, 1, Status.DIFFERENT)
    assert [item.key for item in found.differences] == [(9,)]
    tables.run()
    found = compared(tables)["notes"]
    assert (found.behind, found.different) == (0, 1)


def test_modes_deletes_and_tables_without_a_key(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute(
        "create table kept (id int primary key, v text); "
        "insert into kept values (1, 'a'), (2, 'b');"
        "create table versions (id int primary key, v text);"
        "insert into versions values (1, 'a'), (2, 'b');"
        "create table added (id int primary key, v text); insert into added values (1, 'a');"
        "create table loose (v text); insert into loose values ('a'), ('a')"
    )
    tables.pipeline = {
        "settings": {
            "kept": {"delete_handling": "IGNORE"},
            "versions": {"load_mode": "history"},
            "added": {"load_mode": "append"},
        }
    }
    tables.run()
    sql.execute("update versions set v = 'c' where id = 1; update added set v = 'b'")
    tables.run()
    sql.execute("delete from kept where id = 2")
    found = compared(tables)
    assert {name: item.status for name, item in found.items()} == {
        "kept": Status.EQUAL, "versions": Status.EQUAL, "added": Status.EQUAL,
        "loose": Status.EQUAL,
    }  # fmt: skip
    assert (found["loose"].source_rows, found["loose"].destination_rows) == (2, 4)
    assert found["kept"].notes == ["1 row is kept that the source has deleted."]
    change(tables, "update versions set v = 'x' where id = 1 and _ps_is_active")
    change(tables, "delete from loose")
    found = compared(tables, objects=("versions", "loose"))
    assert {name: item.different for name, item in found.items()} == {"versions": 1, "loose": 2}
