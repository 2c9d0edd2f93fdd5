"""The worked examples of pipelines.md 2.5 and 2.6, and how modes are chosen and changed."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from penstock.sdk.sql.reading.history import History
from penstock.sdk.sql.reading.reader import Reader
from tables import Tables

pytestmark = pytest.mark.postgres
ITEMS = """
create table items (
  id int primary key, v text,
  created_at timestamptz not null default now(), touched timestamptz not null default now());
insert into items select n, 'v' || n from generate_series(1, 100) n;
"""


def _first_six_hours(sql: psycopg.Connection[Any]) -> None:
    """4 rows are modified and 5 added."""
    sql.execute("update items set v = 'new', touched = now() where id in (3, 30, 60, 99)")
    sql.execute("insert into items select n, 'v' || n from generate_series(101, 105) n")


@pytest.mark.parametrize(
    ("settings", "first", "second"),
    [
        pytest.param({"query_mode": "FULL_LOAD"}, 105, 105, id="full load"),
        pytest.param(
            {"query_mode": "UNIQUE_INCREMENTING_APPEND_ONLY", "cursor": "id"}, 5, 0,
            id="append-only misses the updates",
        ),
        pytest.param({"query_mode": "DELTA_TIMESTAMP", "cursor": "touched"}, 9, 0, id="updated-at"),
        pytest.param(
            {"query_mode": "DELTA_TIMESTAMP", "cursor": "created_at"}, 5, 0,
            id="created-at misses the updates",
        ),
        pytest.param(
            {"query_mode": "CHANGE_DATA_CAPTURE", "cursor": ["touched", "id"]}, 9, 0, id="cdc"
        ),
    ],
)  # fmt: skip
def test_the_worked_example(
    sql: psycopg.Connection[Any], tables: Tables, settings: Any, first: int, second: int
) -> None:
    sql.execute(ITEMS)
    tables.pipeline = {"settings": {"items": settings}}
    assert tables.read() == {"items": 100}
    _first_six_hours(sql)
    assert tables.read() == {"items": first}
    assert tables.read() == {"items": second}
    assert tables.rows("select count(*), count(distinct id) from items") == [(105, 105)]


@pytest.mark.parametrize("load_mode", ["merge", "append"])
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"query_mode": "DELTA_TIMESTAMP", "cursor": "touched"}, id="updated-at"),
        pytest.param({"query_mode": "CHANGE_DATA_CAPTURE", "cursor": ["touched", "id"]}, id="cdc"),
    ],
)
def test_times_that_applications_write_may_lie_long_before_the_clock(
    sql: psycopg.Connection[Any], tables: Tables, settings: Any, load_mode: str
) -> None:
    sql.execute("create table imported (id int primary key, v text, touched timestamp not null)")
    tables.pipeline = {"settings": {"imported": settings}, "load_mode": load_mode}
    assert tables.read() == {"imported": 0}
    sql.execute(
        "insert into imported select n, 'a', timestamp '2020-01-01' from generate_series(1, 9) n"
    )
    assert tables.read() == {"imported": 9}
    sql.execute("update imported set v = 'b', touched = timestamp '2020-01-02' where id < 4")
    assert tables.read() == {"imported": 3}
    assert tables.read() == {"imported": 0}


@pytest.mark.parametrize("load_mode", ["merge", "append"])
def test_later_rows_of_an_imported_history_are_read(
    sql: psycopg.Connection[Any], tables: Tables, load_mode: str
) -> None:
    sql.execute(
        "create table imported (id int primary key, v text, touched timestamp not null);"
        "insert into imported select n, 'a', timestamp '2020-01-01' from generate_series(1, 9) n"
    )
    settings = {"query_mode": "DELTA_TIMESTAMP", "cursor": "touched"}
    tables.pipeline = {"settings": {"imported": settings}, "load_mode": load_mode}
    assert tables.read() == {"imported": 9}
    assert tables.read() == {"imported": 0}
    sql.execute("update imported set v = 'b', touched = timestamp '2020-01-02' where id < 4")
    assert tables.read() == {"imported": 3}
    assert tables.read() == {"imported": 0}


@pytest.mark.parametrize("load_mode", ["merge", "append"])
def test_rows_imported_while_the_history_is_read_come_once(
    sql: psycopg.Connection[Any],
    tables: Tables,
    monkeypatch: pytest.MonkeyPatch,
    load_mode: str,
) -> None:
    sql.execute(
        "create table imported (id int primary key, v text, touched timestamp not null);"
        "insert into imported select n, 'a', timestamp '2020-01-01' from generate_series(1, 9) n"
    )

    def imports(owner: type, name: str, number: int) -> None:
        """A row comes just before this step of the read."""
        step = getattr(owner, name)

        def after_an_import(*given: Any) -> Any:
            sql.execute("insert into imported values (%s, 'b', '2020-02-01')", [number])
            return step(*given)

        monkeypatch.setattr(owner, name, after_an_import)

    imports(History, "parts", 100)
    imports(Reader, "_complete", 200)
    settings = {"query_mode": "DELTA_TIMESTAMP", "cursor": "touched"}
    tables.pipeline = {"settings": {"imported": settings}, "load_mode": load_mode}
    assert tables.read() == {"imported": 11}
    assert tables.read() == {"imported": 0}
    assert tables.rows("select count(*), count(distinct id) from imported") == [(11, 11)]


def test_a_query_is_read_by_a_column_of_its_outermost_select(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute(
        'create table "user" (id int primary key, name text, updated_ts timestamptz);'
        "create table employee (user_id int, dept_name text, updated_ts timestamptz);"
        "insert into \"user\" select n, 'u' || n, now() from generate_series(1, 10) n;"
        "insert into employee select n, 'd', now() from generate_series(1, 10) n"
    )
    query = (
        "SELECT u.id, u.name, u.updated_ts AS user_updated_ts,\n"
        "       e.dept_name, e.updated_ts AS employee_updated_ts\n"
        'FROM "user" u JOIN employee e ON u.id = e.user_id -- all of them\n'
    )
    tables.source = {**tables.source, "mode": "CUSTOM_SQL", "query": query}
    delta = {"query_mode": "DELTA_TIMESTAMP", "cursor": "employee_updated_ts"}
    tables.pipeline = {"settings": {"custom_query": {**delta, "primary_key": "id"}}}
    assert tables.read() == {"custom_query": 10}
    assert tables.read() == {"custom_query": 0}
    sql.execute("update employee set dept_name = 'e', updated_ts = now() where user_id < 4")
    assert tables.read() == {"custom_query": 3}
    assert tables.rows("select dept_name, count(*) from custom_query group by 1 order by 1") == [
        ("d", 7),
        ("e", 3),
    ]


def test_one_table_is_read_by_xmin_only_where_the_source_allows_it(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute(ITEMS)
    tables.pipeline = {"settings": {"items": {"query_mode": "XMIN"}}}
    refused = tables.tried()
    assert (refused.exit_code, refused.error["code"]) == (2, "source.query_mode")
    assert "enable_xmin: true" in refused.error["hint"]
    tables.source = {**tables.source, "enable_xmin": True}
    assert tables.read() == {"items": 100}
    sql.execute("update items set v = 'unseen by its timestamp' where id = 7")
    assert tables.read() == {"items": 1}


def test_the_mode_that_was_chosen_is_told(sql: psycopg.Connection[Any], tables: Tables) -> None:
    sql.execute(
        "create table by_both (id int primary key, updated_at timestamptz not null);"
        "create table by_time (id text primary key, last_modified timestamp not null);"
        "create table may_be_null (id int primary key, changed timestamptz)"
    )
    with tables.opened() as source:
        modes = {stream.name: (stream.query_mode, stream.cursor) for stream in source.discover()}
    assert modes == {
        "by_both": ("CHANGE_DATA_CAPTURE", "updated_at"),
        "by_time": ("DELTA_TIMESTAMP", "last_modified"),
        "may_be_null": ("FULL_LOAD", None),
    }
