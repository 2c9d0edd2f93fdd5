"""Tables of every type: equal copies never differ, and one changed cell is that key alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from maria import maria_server, maria_url
from penstock.engine.verify.result import Kind, Status
from servers import postgres_server, postgres_url
from verified import change, compared, tables

__all__ = ["maria_server", "maria_url", "postgres_server", "postgres_url", "tables"]
pytestmark = pytest.mark.postgres

_ROWS = 400
_SEEDS = range(4)

# Values of each type as PostgreSQL reads them.
TYPES: dict[str, list[str]] = {
    "smallint": ["-32768", "0", "32767"],
    "integer": ["-2147483648", "-1", "2147483647"],
    "bigint": ["-9223372036854775808", "0", "9223372036854775807"],
    "numeric(12,2)": ["0.00", "-0.01", "9999999999.99", "12.50"],
    "numeric(6,6)": ["0.000001", "-0.5", "0"],
    "numeric(38,10)": ["1234567890123456789012345678.0123456789", "-0.0000000001"],
    "numeric(60,20)": ["1234567890123456789012345678901234567890.5", "0"],
    "numeric": ["1.5", "1.50", "-100", "0.001"],
    "real": ["0.1", "-0", "1e-30", "3.4e38", "NaN", "Infinity"],
    "double precision": ["0.1", "1e300", "-2.5e-10", "100000", "123456789012", "NaN", "-Infinity"],
    "boolean": ["true", "false"],
    "text": ["", " ", "null", "-", "a,b", "1:x", "ünï ☃ 𝄞", "line\nbreak", "quote \" ' \\", "\x1f"],
    "varchar(20)": ["", "abc", "N/A"],
    "char(4)": ["ab", "", "abcd"],
    "bytea": ["\\x", "\\x00ff", "\\x5c6e"],
    "date": ["0001-01-01", "1970-01-01", "2025-02-28", "9999-12-31"],
    "time": ["00:00:00", "23:59:59.999999", "12:30:00.5"],
    "timetz": ["00:00:00+00", "12:30:00.5-08"],
    "timestamp": ["1969-12-31 23:59:59.999999", "2025-07-14 18:22:05", "9999-12-31 00:00:00.5"],
    "timestamptz": ["1970-01-01 00:00:00+00", "2025-07-14 18:22:05.12+02", "0001-01-01 00:00:00Z"],
    "interval": ["1 day", "-3 months 2:00:00.5"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "json": ['{"b": 1.0, "a": [1, 2.50, null]}', '"text"', "{}", '{"a" : "\\u00e9"}'],
    "jsonb": ['{"b": 1.0, "a": [1, 2.50, null]}', "12345678901234567890.5", "true"],
    "integer[]": ["{1,2,NULL}", "{}"],
    "text[]": ['{"a b","c\\"d"}', "{NULL}"],
    "inet": ["10.0.0.1/24", "::1"],
    "bit(1)": ["0", "1"],
    "bit(5)": ["10101", "00000"],
    "money": ["12.34", "-0.01"],
}


@pytest.fixture
def sql(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
        yield connection


def made(sql: psycopg.Connection[Any], kinds: list[str], dice: random.Random, key: str) -> None:
    columns = ", ".join(f"c{at} {kind}" for at, kind in enumerate(kinds))
    sql.execute("drop table if exists t")
    sql.execute(f"create table t (id {key} primary key, {columns})".encode())
    with sql.cursor() as cursor:
        marks = ", ".join(f"%s::{kind}" for kind in kinds)
        cursor.executemany(
            f"insert into t values (%s, {marks})".encode(),
            [
                [str(n), *(dice.choice([None, *TYPES[kind]]) for kind in kinds)]
                for n in range(_ROWS)
            ],
        )


@pytest.mark.parametrize("seed", _SEEDS)
def test_random_tables_of_all_types(sql: psycopg.Connection[Any], tables: Any, seed: int) -> None:
    dice = random.Random(seed)
    kinds = list(TYPES) if seed == 0 else dice.sample(list(TYPES), dice.randint(2, 8))
    made(sql, kinds, dice, "int" if seed % 2 else "text")
    tables.run()
    found = compared(tables)["t"]
    assert (found.status, found.different, found.failed) == (Status.EQUAL, 0, 0), found.differences

    # One cell, in the source: to another value of its type, or to none.
    row, at = dice.randrange(_ROWS), dice.randrange(len(kinds))
    (old,) = sql.execute(f"select c{at} is null from t where id = '{row}'".encode()).fetchone()  # type: ignore[misc]
    value = TYPES[kinds[at]][0] if old else None
    sql.execute(f"update t set c{at} = %s::{kinds[at]} where id = %s".encode(), [value, str(row)])
    found = compared(tables)["t"]
    keys = [(str(item.key[0]), item.kind) for item in found.differences]
    assert keys == [(str(row), Kind.CHANGED)], kinds[at]
    assert [value.column for value in found.differences[0].values] == [f"c{at}"]


def test_a_cell_of_each_type_that_changes_in_the_table(
    sql: psycopg.Connection[Any], tables: Any
) -> None:
    columns = ", ".join(f"c{at} {kind}" for at, kind in enumerate(TYPES))
    sql.execute(f"create table t (id int primary key, {columns})".encode())
    marks = ", ".join(f"%s::{kind}" for kind in TYPES)
    for row in range(len(TYPES)):
        values = [values[row % len(values)] for values in TYPES.values()]
        sql.execute(f"insert into t values (%s, {marks})".encode(), [row, *values])
    tables.run()
    assert compared(tables)["t"].status is Status.EQUAL
    for at in range(len(TYPES)):
        change(tables, f"update t set c{at} = null where id = {at}")
    found = compared(tables, limit=100)["t"]
    named = [(item.key, [v.column for v in item.values]) for item in found.differences]
    assert named == [((at,), [f"c{at}"]) for at in range(len(TYPES))]
