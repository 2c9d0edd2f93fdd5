"""What a log cannot tell of old rows is told to the user, and a repair reads it again."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tables import PIPELINE, Tables
from verified import compared, repaired

pytestmark = pytest.mark.postgres


def test_old_rows_of_a_new_column_are_named_and_repaired_without_touching_others(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    for table in ("a", "b"):
        sql.execute(
            f"create table {table} (id int primary key, v text);"
            f"insert into {table} select n, 'v' || n from generate_series(1, 100) n".encode()
        )
    tables.run()
    sql.execute("alter table a add column extra int default 7; update a set v = 'x' where id = 1")
    sql.execute("delete from b where id = 5")
    summary = tables.run()
    [told] = [text for text in summary.warnings if "extra" in text]
    assert "New in a: extra. Rows that were loaded before have no value there" in told
    assert f"penstock verify {PIPELINE} --repair" in told
    found = compared(tables)
    assert (found["a"].different, found["b"].different) == (99, 0)
    repair = repaired(tables)
    assert {item.object: item.books.read for item in repair.objects} == {"a": 99}
    assert [item.different for item in compared(tables).values()] == [0, 0]
    # Nothing has to be read anew after that, and the log goes on where it was.
    sql.execute("update b set v = 'later' where id = 9")
    assert tables.read() == {"a": 0, "b": 1}
    assert tables.rows("select count(*), sum(extra) from a") == [(100, 700)]
