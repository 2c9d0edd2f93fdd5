"""The worked examples of pipelines.md 2.5 and 2.6 on MariaDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tables import Tables

pytestmark = pytest.mark.mysql
ITEMS = """
create table items (
  id int primary key, v text,
  created_at datetime(6) not null default now(6), touched datetime(6) not null default now(6));
insert into items (id, v) select seq, concat('v', seq) from seq_1_to_100;
"""
SIX_HOURS = """
update items set v = 'new', touched = now(6) where id in (3, 30, 60, 99);
insert into items (id, v) select seq, concat('v', seq) from seq_101_to_105
"""


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
    sql: Callable[[str], None], tables: Tables, settings: Any, first: int, second: int
) -> None:
    sql(ITEMS)
    tables.pipeline = {"settings": {"items": settings}}
    assert tables.read() == {"items": 100}
    sql(SIX_HOURS)
    assert tables.read() == {"items": first}
    assert tables.read() == {"items": second}
    assert tables.rows("select count(*), count(distinct id) from items") == [(105, 105)]


def test_a_query_is_read_by_a_column_of_its_outermost_select(
    sql: Callable[[str], None], tables: Tables
) -> None:
    sql(
        "create table user (id int primary key, name text, updated_ts datetime(3));"
        "create table employee (user_id int, dept_name text, updated_ts datetime(3));"
        "insert into user select seq, concat('u', seq), now(3) - interval 1 second "
        "from seq_1_to_10;"
        "insert into employee select seq, 'd', now(3) - interval 1 second from seq_1_to_10"
    )
    query = (
        "SELECT u.id, u.name, u.updated_ts AS user_updated_ts,\n"
        "       e.dept_name, e.updated_ts AS employee_updated_ts\n"
        "FROM user u JOIN employee e ON u.id = e.user_id -- all of them\n"
    )
    tables.source = {**tables.source, "mode": "CUSTOM_SQL", "query": query}
    delta = {"query_mode": "DELTA_TIMESTAMP", "cursor": "employee_updated_ts"}
    tables.pipeline = {"settings": {"custom_query": {**delta, "primary_key": "id"}}}
    assert tables.read() == {"custom_query": 10}
    assert tables.read() == {"custom_query": 0}
    sql("update employee set dept_name = 'e', updated_ts = now(3) where user_id < 4")
    assert tables.read()["custom_query"] in (0, 3)
    tables.run()
    assert tables.rows("select dept_name, count(*) from custom_query group by 1 order by 1") == [
        ("d", 7),
        ("e", 3),
    ]


def test_keys_of_every_type_are_paged_in_the_servers_own_order(
    sql: Callable[[str], None], tables: Tables
) -> None:
    """Each page goes on behind the last row of the one before, by the collation of the key."""
    sql(
        "create table words (w varchar(20) character set latin1 collate latin1_swedish_ci,"
        " e enum('z', 'm', 'a'), d decimal(20,4), primary key (w, e, d));"
        "insert into words select concat(elt(1 + seq % 4, 'Ab', 'ac', '\u00e9', 'x\\\\''y'),"
        " seq % 50), 1 + seq % 3, seq / 16 from seq_1_to_1000;"
        "create table bits (b bit(20) primary key, v int); "
        "insert into bits select seq * 37, seq from seq_1_to_500;"
        "create table raw (k varbinary(32) primary key); "
        "insert into raw select unhex(sha2(seq, 224)) from seq_1_to_300;"
        "create table moments (t timestamp(6) primary key, u tinyint unsigned);"
        "insert into moments select '2024-03-31 00:00:00' + interval seq * 1000 microsecond, 1"
        " from seq_1_to_500"
    )
    tables.source = {**tables.source, "ingestion_batch_rows": 37}
    assert tables.read() == {"words": 1000, "bits": 500, "raw": 300, "moments": 500}
    assert tables.rows("select count(*), count(distinct (w, e, d)) from words") == [(1000, 1000)]
    assert tables.rows("select count(distinct b) from bits") == [(500,)]
    assert tables.rows("select count(distinct t) from moments") == [(500,)]
