"""What is done in the source, as it arrives in DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from penstock.engine.verify.result import Status
from tables import Tables
from verified import compared

pytestmark = pytest.mark.postgres

BIG = 100_000
"""Characters of a text that is stored apart from its row."""

Sql = psycopg.Connection[Any]


def live(
    tables: Tables,
    table: str,
    columns: str = "* exclude (_ps_ingested_at, _ps_loaded_at, _ps_deleted)",
) -> list[tuple[Any, ...]]:
    return sorted(tables.rows(f"select {columns} from {table} where not _ps_deleted"))


def source(sql: Sql, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    return sorted(sql.execute(f"select {columns} from {table}".encode()).fetchall())


def test_inserts_updates_deletes_and_changed_keys(sql: Sql, tables: Tables) -> None:
    sql.execute("create table t(id int primary key, note text, n numeric(10, 2))")
    sql.execute("insert into t select i, 'n' || i, i from generate_series(1, 100) i")
    assert tables.read() == {"t": 100}
    assert live(tables, "t") == source(sql, "t")
    sql.execute("update t set n = n + 1 where id <= 10")
    sql.execute("delete from t where id = 50")
    sql.execute("update t set id = 500 where id = 60")
    sql.execute("insert into t values (1000, null, null)")
    summary = tables.run()
    assert [(item.books.read, item.books.deleted) for item in summary.objects] == [(14, 2)]
    assert live(tables, "t") == source(sql, "t")
    assert tables.rows("select id, note from t where _ps_deleted order by id") == [
        (50, "n50"), (60, "n60"),
    ]  # fmt: skip
    sql.execute("insert into t values (50, 'again', 1)")
    tables.run()
    assert live(tables, "t") == source(sql, "t")
    assert tables.read() == {"t": 0}


def test_deletes_may_be_hard_or_ignored(sql: Sql, tables: Tables) -> None:
    sql.execute("create table h(id int primary key); insert into h values (1), (2)")
    sql.execute("create table i(id int primary key); insert into i values (1), (2)")
    tables.pipeline = {
        "settings": {"h": {"delete_handling": "hard"}, "i": {"delete_handling": "ignore"}}
    }
    tables.run()
    sql.execute("delete from h where id = 1; delete from i where id = 1")
    tables.run()
    assert tables.rows("select id from h") == [(2,)]
    assert tables.rows("select id from i order by id") == [(1,), (2,)]


def test_stored_texts_that_did_not_change_stay(sql: Sql, tables: Tables) -> None:
    sql.execute("create table t(id int primary key, body text, n int)")
    sql.execute("alter table t alter body set storage external")
    sql.execute(f"insert into t select i, repeat('x', {BIG}) || i, 0 from generate_series(1, 4) i")
    tables.run()
    sql.execute("update t set n = 1 where id = 1")
    sql.execute("update t set id = 20 where id = 2")
    sql.execute(
        "begin; update t set body = 'short' where id = 3; update t set n = 2 where id = 3; commit"
    )
    sql.execute("update t set id = 40 where id = 4; update t set id = 41 where id = 40")
    tables.run()
    assert live(tables, "t") == source(sql, "t")


def test_a_new_text_and_a_change_without_it_in_one_package(sql: Sql, tables: Tables) -> None:
    sql.execute("create table t(id int primary key, body text, n int)")
    sql.execute("alter table t alter body set storage external")
    sql.execute(f"insert into t values (1, repeat('a', {BIG}), 0)")
    tables.run()
    sql.execute(f"update t set body = repeat('b', {BIG})")
    sql.execute("update t set n = 7")
    sql.execute(f"insert into t values (2, repeat('c', {BIG}), 0)")
    sql.execute("update t set n = 8 where id = 2")
    tables.run()
    assert live(tables, "t") == source(sql, "t")


@pytest.mark.parametrize("settings", [{"load_mode": "append"}, {"primary_key": []}])
def test_appended_versions_have_every_value(
    sql: Sql, tables: Tables, settings: dict[str, Any]
) -> None:
    sql.execute("create table t(id int primary key, body text, n int)")
    sql.execute("alter table t alter body set storage external")
    sql.execute(f"insert into t values (1, repeat('a', {BIG}), 0)")
    tables.pipeline = {"settings": {"t": settings}}
    tables.run()
    sql.execute("update t set n = 1")
    tables.run()
    assert sorted(tables.rows("select id, length(body), n from t")) == [(1, BIG, 0), (1, BIG, 1)]


def test_the_shape_changes_in_order_with_the_rows(sql: Sql, tables: Tables) -> None:
    sql.execute("create table t(id int primary key, a text, b int)")
    sql.execute("insert into t values (1, 'x', 1)")
    tables.run()
    sql.execute("alter table t add c date; insert into t values (2, 'y', 2, '2024-02-03')")
    sql.execute("alter table t drop a; insert into t values (3, 3, '2024-02-04')")
    sql.execute("alter table t rename b to d; insert into t values (4, 4, null)")
    sql.execute("alter table t alter d type bigint; insert into t values (5, 5000000000, null)")
    assert tables.read() == {"t": 4}
    found = tables.rows("select id, a, b, c::text, d from t order by id")
    assert found == [
        (1, "x", 1, None, None),
        (2, "y", 2, "2024-02-03", None),
        (3, None, 3, "2024-02-04", None),
        (4, None, None, None, 4),
        (5, None, None, None, 5_000_000_000),
    ]


@pytest.mark.parametrize(("policy", "left"), [("ignore", 3), ("flag_all", 1)])
def test_truncate(sql: Sql, tables: Tables, policy: str, left: int) -> None:
    sql.execute("create table t(id int primary key); insert into t values (1), (2)")
    tables.pipeline = {"on_source_truncate": policy}
    tables.run()
    sql.execute("truncate t; insert into t values (3)")
    summary = tables.run()
    assert len(live(tables, "t")) == left
    said = any("emptied" in line for line in summary.objects[0].warnings)
    assert said == (policy == "ignore")


def test_rolled_back_work_never_comes(sql: Sql, tables: Tables) -> None:
    sql.execute("create table t(id int primary key, note text)")
    tables.run()
    sql.execute(
        "begin; insert into t select i, repeat('x', 90) from generate_series(1, 5000) i; rollback"
    )
    sql.execute("begin; insert into t values (-1); savepoint s")
    sql.execute("insert into t select i, repeat('x', 90) from generate_series(1, 5000) i")
    sql.execute("rollback to s; insert into t values (-2); commit")
    assert tables.read() == {"t": 2}
    assert live(tables, "t", "id") == [(-2,), (-1,)]


def test_a_transaction_that_is_open_is_not_seen_before_its_end(
    sql: Sql, tables: Tables, logical_url: str
) -> None:
    sql.execute("create table t(id int primary key, note text)")
    tables.run()
    with psycopg.connect(logical_url) as other:
        other.execute("insert into t select i, repeat('x', 90) from generate_series(1, 5000) i")
        assert tables.read() == {"t": 0}
        sql.execute("insert into t values (0)")
        assert tables.read() == {"t": 1}
        other.commit()
    assert tables.read() == {"t": 5000}
    assert live(tables, "t", "id") == source(sql, "t", "id")


@pytest.mark.parametrize(
    ("identity", "seen"),
    [
        ("default", [("I", 3, "c"), ("U", 1, "z")]),
        ("full", [("I", 3, "c"), ("U", 1, "z")]),
        ("nothing", [("I", 3, "c")]),
        ("using index t_other_key", [("I", 3, "c"), ("U", 1, "z")]),
    ],
)
def test_what_names_a_row_in_the_log(
    sql: Sql, tables: Tables, identity: str, seen: list[tuple[Any, ...]]
) -> None:
    sql.execute("create table t(id int primary key, other int not null unique, v text)")
    sql.execute(f"alter table t replica identity {identity}".encode())
    sql.execute("insert into t values (1, 10, 'a'), (2, 20, 'b')")
    tables.pipeline = {"keep_op_column": True}
    tables.run()
    sql.execute("insert into t values (3, 30, 'c')")
    sql.execute("update t set v = 'z' where id = 1")
    sql.execute("delete from t where id = 2")
    summary = tables.run()
    found = tables.rows("select _ps_op, id, v from t where _ps_op in ('I', 'U') order by id desc")
    assert found == seen
    gone = [] if identity == "nothing" else [(2,)]
    assert tables.rows("select id from t where _ps_deleted") == gone
    warned = any("only its inserts are read" in line for line in summary.warnings)
    assert warned == (identity == "nothing") or identity == "nothing"


def test_tables_without_a_key(sql: Sql, tables: Tables) -> None:
    sql.execute("create table bare(v text); insert into bare values ('a')")
    sql.execute("create table whole(v text); alter table whole replica identity full")
    sql.execute("insert into whole values ('a'), ('b')")
    tables.run()
    # A table without an identity must not be published with its updates: they would fail.
    sql.execute("update bare set v = 'b'; insert into bare values ('c'); delete from bare")
    sql.execute("update whole set v = 'z' where v = 'a'; delete from whole where v = 'b'")
    tables.run()
    assert sorted(tables.rows("select v from bare")) == [("a",), ("c",)]
    assert sorted(tables.rows("select v, _ps_deleted from whole")) == [
        ("a", False), ("b", False), ("b", True), ("z", False),
    ]  # fmt: skip


def test_partitioned_tables_are_one_object(sql: Sql, tables: Tables) -> None:
    sql.execute("create table p(id int primary key, v text) partition by range (id)")
    sql.execute("create table p1 partition of p for values from (0) to (10)")
    sql.execute("create table p2 partition of p for values from (10) to (20)")
    sql.execute("insert into p values (1, 'a'), (11, 'b')")
    assert tables.read() == {"p": 2}
    sql.execute("update p set id = 12 where id = 1; update p set v = 'c' where id = 11")
    tables.run()
    assert live(tables, "p") == source(sql, "p")


def test_tables_that_come_and_go(sql: Sql, tables: Tables) -> None:
    sql.execute("create table a(id int primary key); insert into a values (1)")
    sql.execute("create table b(id int primary key); insert into b values (1)")
    assert tables.read() == {"a": 1, "b": 1}
    sql.execute("create table c(id int primary key); insert into c values (1), (2)")
    sql.execute("insert into a values (2); drop table b")
    assert tables.read() == {"a": 1, "c": 2}
    sql.execute("insert into a values (3); insert into c values (3); delete from c where id = 1")
    assert tables.read() == {"a": 1, "c": 2}
    assert live(tables, "c") == source(sql, "c")
    assert live(tables, "b") == [(1,)]


def test_names_that_need_quotes(sql: Sql, tables: Tables) -> None:
    sql.execute('create table "Order ""x"" é"("Select" int, "Grüße" text, primary key ("Select"))')
    sql.execute("""insert into "Order ""x"" é" values (1, 'ä')""")
    tables.run()
    sql.execute("""update "Order ""x"" é" set "Grüße" = 'ß'""")
    assert sum(tables.read().values()) == 1


def test_every_type_arrives_as_the_history_has_it(sql: Sql, tables: Tables) -> None:
    sql.execute("create type mood as enum ('sad', 'glad'); create domain short as varchar(9)")
    sql.execute("create type pair as (a int, b text)")
    sql.execute("""
        create table t(
          id int primary key, i2 int2, i8 int8, f4 float4, f8 float8, b bool, d date, ti time,
          ts timestamp, tz timestamptz, iv interval, u uuid, j json, jb jsonb, by bytea,
          n numeric, n2 numeric(9, 2), m money, e mood, s short, p pair, a int[], ta text[],
          ip inet, b1 bit, b9 bit(9), vb varbit, r int4range, c char(5), x xml)""")
    row = """
        (%s, -32768, 9223372036854775807, 1.5, -0.1, true, '1999-12-31', '23:59:59.999999',
         '2024-02-29 12:00:00.000001', '2024-02-29 12:00:00+05:30', '1 mon 2 days 03:04:05',
         'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1, 2.50]}', '{"b": null}',
         '\\x00ff10', 12345678901234567890.123456789, -1.50, 1234.56, 'glad', 'ab', (1, 'x,y'),
         '{1,null,3}', '{"a b","c\\"d"}', '10.0.0.1/8', B'1', B'101010101', B'11', '[1,5)', 'ab',
         '<a>1</a>')"""
    sql.execute(f"insert into t values {row}".encode() % b"1")
    tables.run()
    sql.execute(f"insert into t values {row}".encode() % b"2")
    sql.execute("insert into t(id) values (3); update t set i2 = 1 where id = 3")
    tables.run()
    one, two, three = tables.rows(
        "select * exclude (_ps_ingested_at, _ps_loaded_at, _ps_deleted) from t order by id"
    )
    assert one[1:] == two[1:]
    assert three == (3, 1, *[None] * 28)


def test_values_without_a_place_become_failed_events(sql: Sql, tables: Tables) -> None:
    sql.execute("create table t(id int primary key, d date)")
    tables.run()
    sql.execute("insert into t values (1, 'infinity'), (2, '2024-01-01'), (3, '0044-03-15 BC')")
    summary = tables.tried()
    assert [(o.books.read, o.books.failed, o.books.inserted) for o in summary.objects] == [
        (3, 2, 1)
    ]
    tables.source = {**tables.source, "unusual_values": "text"}
    tables.run(full_refresh=True)
    sql.execute("insert into t values (4, '-infinity')")
    tables.run()
    assert tables.rows("select id, d from t order by id") == [
        (1, "infinity"), (2, "2024-01-01"), (3, "0044-03-15 BC"), (4, "-infinity"),
    ]  # fmt: skip


def test_several_schemas_and_merged_tables(sql: Sql, tables: Tables) -> None:
    for schema in ("s1", "s2"):
        sql.execute(f"create schema {schema}; create table {schema}.t(id int primary key)".encode())
        sql.execute(f"insert into {schema}.t values (1)".encode())
    tables.source = {**tables.source, "schema": "s1,s2", "merge_tables": True}
    assert tables.read() == {"t": 2}
    sql.execute("insert into s1.t values (2); delete from s2.t where id = 1")
    sql.execute(
        "update s2.t set id = 9; insert into s2.t values (2); update s1.t set id = 3 where id = 2"
    )
    tables.run()
    assert sorted(tables.rows("select _ps_schema, id from t where not _ps_deleted")) == [
        ("s1", 1), ("s1", 3), ("s2", 2),
    ]  # fmt: skip


def test_the_log_is_never_read_for_some_tables_alone(sql: Sql, tables: Tables) -> None:
    sql.execute("create table a(id int primary key); insert into a values (1)")
    sql.execute("create table b(id int primary key); insert into b values (1)")
    tables.run(objects=("a",))
    sql.execute("insert into a values (2); insert into b values (2)")
    tables.run(objects=("a",))
    assert live(tables, "b") == [(1,), (2,)]
    sql.execute("insert into a values (3); insert into b values (3)")
    # One table whole again, beside the changes of both.
    tables.run(objects=("a",), full_refresh=True)
    for table in ("a", "b"):
        assert live(tables, table) == source(sql, table) == [(1,), (2,), (3,)]


def test_columns_that_the_server_computes_are_left_out(sql: Sql, tables: Tables) -> None:
    sql.execute(
        "create table t(a int primary key, c int, b int generated always as (a * 2) stored)"
    )
    sql.execute("insert into t values (1, 1)")
    tables.run()
    sql.execute("update t set c = 2; insert into t values (2, 2)")
    tables.run()
    assert live(tables, "t") == [(1, 2), (2, 2)]


def test_views_and_tables_without_a_log_are_not_offered(sql: Sql, tables: Tables) -> None:
    sql.execute("create table t(a int primary key); create view v as select a from t")
    sql.execute(
        "create unlogged table u(a int primary key); create materialized view m as select 1"
    )
    assert tables.read() == {"t": 0}


def test_a_table_that_was_made_again_or_left_out_for_a_time_is_read_once_more(
    sql: Sql, tables: Tables
) -> None:
    sql.execute("create table a(id int primary key); insert into a values (1)")
    sql.execute("create table b(id int primary key); insert into b values (1)")
    tables.run()
    sql.execute("drop table a; create table a(id int primary key); insert into a values (2), (3)")
    assert tables.read() == {"a": 2, "b": 0}
    assert live(tables, "a") == [(1,), (2,), (3,)]
    tables.pipeline = {"objects": {"exclude": ["b"]}}
    assert tables.read() == {"a": 0}
    sql.execute("insert into b values (2); insert into a values (4)")
    assert tables.read() == {"a": 1}
    tables.pipeline = {}
    assert tables.read() == {"a": 0, "b": 2}
    sql.execute("insert into b values (3)")
    assert tables.read() == {"a": 0, "b": 1}
    assert live(tables, "b") == source(sql, "b")


@pytest.mark.parametrize("kind", ["duckdb", "postgres"])
def test_of_versions_that_came_together_the_last_is_compared(
    sql: psycopg.Connection[Any], logical_url: str, tmp_path: Path, kind: str
) -> None:
    sql.execute("create schema copied; create table t(id int primary key, v text)")
    place = {"type": "duckdb", "path": "out.duckdb"}
    if kind == "postgres":
        place = {"type": "postgres", "url": logical_url, "schema": "copied"}
    source = {"type": "postgres", "url": logical_url, "mode": "LOG_BASED"}
    tables = Tables(tmp_path, source, {"load_mode": "append"}, place)
    tables.run()
    sql.execute("insert into t values (1, 'a'), (2, 'a')")
    for value in "bcd":
        sql.execute("update t set v = %s where id = 1", [value])
        sql.execute("delete from t where id = 2")
        sql.execute("insert into t values (2, %s)", [value])
    tables.run()
    assert compared(tables)["t"].status == Status.EQUAL
