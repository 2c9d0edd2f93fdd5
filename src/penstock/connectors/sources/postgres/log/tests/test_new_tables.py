"""Tables that come while a log is followed, by the pipeline's policy (pipelines.md 9.1)."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tables import Tables

pytestmark = pytest.mark.postgres


def _make(sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f'create table "{table}" (id int primary key)'.encode())
    sql.execute(f'insert into "{table}" values (1), (2)'.encode())


def test_a_new_table_is_read_with_its_history(sql: psycopg.Connection[Any], tables: Tables) -> None:
    _make(sql, "a")
    assert tables.read() == {"a": 2}
    _make(sql, "b")
    sql.execute("insert into a values (3)")
    assert tables.read() == {"a": 1, "b": 2}


def test_a_new_table_that_is_not_wanted_is_named_and_the_log_goes_on(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    tables.pipeline = {"include_new_tables": False}
    _make(sql, "a")
    assert tables.read() == {"a": 2}
    _make(sql, "b[1]")
    sql.execute("insert into a values (3)")
    summary = tables.run()
    assert {item.object: item.books.read for item in summary.objects} == {"a": 1}
    assert [text for text in summary.warnings if "is new and is not read" in text]
    sql.execute('insert into "b[1]" values (3); insert into a values (4)')
    assert tables.read() == {"a": 1}
    tables.pipeline = {"include_new_tables": False, "objects": {"include": ["a", "b[[]1]"]}}
    assert tables.read() == {"a": 0, "b[1]": 3}
    sql.execute('insert into "b[1]" values (4)')
    assert tables.read() == {"a": 0, "b[1]": 1}
