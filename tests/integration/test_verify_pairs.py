"""Tables of MariaDB and odd shapes: equal copies never differ, and one changed cell is found."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from maria import MariaServer, maria_server, maria_url
from penstock.engine.verify.result import Kind, Status
from servers import postgres_server, postgres_url
from tables import Tables
from verified import change, compared, tables

__all__ = ["maria_server", "maria_url", "postgres_server", "postgres_url", "tables"]

_ROWS = 60
# Values of each type as MariaDB reads them.
TYPES: dict[str, list[str]] = {
    "tinyint": ["-128", "127"],
    "tinyint(1)": ["0", "1"],
    "smallint unsigned": ["0", "65535"],
    "mediumint": ["-8388608", "8388607"],
    "int unsigned": ["0", "4294967295"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "bigint unsigned": ["0", "18446744073709551615"],
    "decimal(12,2)": ["0.00", "-0.01", "12.50", "9999999999.99"],
    "decimal(65,30)": ["12345678901234567890123456789012345.5", "0", "-0.000000000000000000000001"],
    "float": ["0.1", "-0.0", "1e-30", "3.25"],
    "double": ["0.1", "-0.0", "1e300", "-2.5e-10", "100000", "123456789012"],
    "bit(1)": ["b'0'", "b'1'"],
    "bit(9)": ["b'101010101'", "b'0'"],
    "char(6)": ["'ab'", "''", "'a  b'"],
    "varchar(40)": ["''", "' '", "'trailing  '", "'N/A'", "'e\u0301'", "'é'", "'ﬁ'", "'\\\\N'"],
    "text": ["'line\\nbreak'", "'quote \" \\' \\\\'", "'☃ 𝄞'", "'a,b'", "'null'"],
    "varchar(20) character set latin1": ["'ünï'", "'€'"],
    "varbinary(20)": ["x''", "x'0001ff'", "x'6162'"],
    "blob": ["x'5c6e22'", "x'00'"],
    "date": ["'1000-01-01'", "'2025-02-28'", "'9999-12-31'"],
    "time(6)": ["'00:00:00'", "'23:59:59.999999'", "'12:30:00.5'"],
    "datetime(6)": ["'1000-01-01 00:00:00'", "'2025-07-14 18:22:05.5'", "'9999-12-31 00:00:00'"],
    "timestamp(3) null": ["'1970-01-02 00:00:00'", "'2025-07-14 18:22:05.12'"],
    "year": ["1901", "2155"],
    "enum('x','Y','')": ["'x'", "'Y'", "''"],
    "set('a','b','c')": ["''", "'a,c'"],
    "json": ['\'{"b": 1.0, "a": [1, 2.50, null]}\'', "'\"text\"'", "'{}'"],
    "uuid": ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
    "inet6": ["'::1'"],
}


@pytest.fixture(params=["duckdb", "postgres", "mysql"])
def copied(request: pytest.FixtureRequest, maria_url: str, tmp_path: Path) -> Tables:
    """The test's database, copied to where each case says."""
    place: dict[str, str] = {"type": "duckdb", "path": "out.duckdb"}
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        place = {"type": "postgres", "url": url, "schema": "copied"}
    elif request.param == "mysql":
        server: MariaServer = request.getfixturevalue("maria_server")
        name = f"t{uuid4().hex}"
        with closing(server.connect()) as session, session.cursor() as cursor:
            cursor.execute(f"create database {name}")
        place = {"type": "mysql", "url": server.url_of(name)}
    return Tables(tmp_path, {"type": "mysql", "url": maria_url}, destination=place)


@pytest.fixture
def maria(maria_server: MariaServer, maria_url: str) -> Iterator[Callable[[str], None]]:
    with closing(maria_server.connect(urlsplit(maria_url).path[1:])) as session:

        def run(statement: str) -> None:
            with session.cursor() as cursor:
                cursor.execute(statement)

        yield run


@pytest.mark.mysql
@pytest.mark.postgres
def test_of_maria_with_all_types(maria: Callable[[str], None], copied: Tables) -> None:
    assert copied.destination is not None
    kind = copied.destination["type"]
    dice = random.Random(kind)
    columns = ", ".join(f"c{at} {kind}" for at, kind in enumerate(TYPES))
    key = "int" if kind == "duckdb" else "varchar(20)"
    maria(f"create table t (id {key} primary key, {columns}) default charset utf8mb4")
    for row in range(_ROWS):
        values = [dice.choice(["null", *TYPES[kind]]) for kind in TYPES]
        maria(f"insert into t values ('{row}', {', '.join(values)})")
    copied.run()
    found = compared(copied)["t"]
    assert (found.status, found.different, found.failed) == (Status.EQUAL, 0, 0), found.differences

    # One cell of each column, in the table.
    for at in range(len(TYPES)):
        change(copied, f"update t set c{at} = null where id = '{at}'")
        maria(f"update t set c{at} = {TYPES[list(TYPES)[at]][0]} where id = {at}")
    maria(f"update t set c0 = 5 where id = {_ROWS - 1}")
    found = compared(copied, limit=100)["t"]
    named = {str(d.key[0]): [v.column for v in d.values] for d in found.differences}
    assert {name: columns for name, columns in named.items() if name != str(_ROWS - 1)} == {
        str(at): [f"c{at}"] for at in range(len(TYPES))
    }
    assert named[str(_ROWS - 1)] == ["c0"]


@pytest.fixture
def sql(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
        yield connection


@pytest.mark.postgres
def test_of_postgres_in_odd_shapes(sql: psycopg.Connection[Any], tables: Tables) -> None:
    sql.execute(
        'create table "Odd Name" ("The Key" text primary key, "a" int, "A" int, "order" text);'
        "insert into \"Odd Name\" select md5(n::text), n, -n, 'x ' || n"
        " from generate_series(1, 90) n;"
        'create view seen as select "The Key" as k, a from "Odd Name" where a < 50;'
        "create table pairs (tenant int, id uuid, v double precision, primary key (tenant, id));"
        "insert into pairs select n % 3, md5(n::text)::uuid, (array['-0', 'NaN', 'Infinity',"
        " '0.1'])[n % 4 + 1]::double precision"
        " from generate_series(1, 80) n;"
        "create table loose (v text, n numeric(8,2)); insert into loose select 'a ' || n % 7, n % 5"
        " from generate_series(1, 60) n; insert into loose values (null, null), (null, null);"
        "create table part (id int, v text) partition by range (id);"
        "create table part_1 partition of part for values from (0) to (50);"
        "create table part_2 partition of part for values from (50) to (100);"
        "insert into part select n, 'v' || n from generate_series(0, 99) n;"
        "create table nothing (id int primary key)"
    )
    tables.pipeline = {"settings": {"seen": {"primary_key": ["k"]}}}
    tables.run()
    found = compared(tables)
    assert {name: (item.status, item.different) for name, item in found.items()} == dict.fromkeys(
        found, (Status.EQUAL, 0)
    ), [(name, item.differences, item.notes) for name, item in found.items()]
    assert len(found) == 6

    sql.execute(
        'update "Odd Name" set "A" = 5 where a = 77;'
        "update pairs set v = 0 where id = md5('8')::uuid;"
        "update loose set v = 'other' where ctid = (select min(ctid) from loose where n = 3)"
    )
    found = compared(tables)
    changed = {name: item.counts for name, item in found.items() if item.different}
    minus = tables.destination is not None and tables.destination["type"] == "mysql"
    assert changed == {
        "Odd Name": {Kind.CHANGED: 1}, "loose": {Kind.MISSING: 1},
        **({} if minus else {"pairs": {Kind.CHANGED: 1}}),
    }  # fmt: skip


@pytest.mark.postgres
def test_of_merged_tables(sql: psycopg.Connection[Any], postgres_url: str, tmp_path: Path) -> None:
    for name in ("north", "south"):
        made = (
            f"create schema {name}; create table {name}.orders (id int primary key, v text);"
            f"insert into {name}.orders select n, '{name}' || n from generate_series(1, 70) n"
        )
        sql.execute(made.encode())
    source = {
        "type": "postgres", "url": postgres_url, "schema": ["north", "south"], "merge_tables": True
    }  # fmt: skip
    merged = Tables(tmp_path, source, destination={"type": "duckdb", "path": "out.duckdb"})
    merged.run()
    (found,) = compared(merged).values()
    assert (found.status, found.source_rows, found.destination_rows) == (Status.EQUAL, 140, 140)
    sql.execute("update south.orders set v = 'other' where id = 3")
    (found,) = compared(merged).values()
    assert [(d.kind, d.values[0].source) for d in found.differences] == [(Kind.CHANGED, "other")]
