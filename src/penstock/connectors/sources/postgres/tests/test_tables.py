"""Tables of every shape, several schemas, rights."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from penstock.control.problems import FileError
from penstock.engine.verify.result import Status
from servers import PASSWORD
from tables import Tables
from verified import change, compared

pytestmark = pytest.mark.postgres


def test_names_of_every_kind_are_read(sql: psycopg.Connection[Any], tables: Tables) -> None:
    sql.execute(
        'create table "Order Lines" ("select" int, "Größe" text, "a""b" int, '
        'primary key ("select", "a""b"));'
        "insert into \"Order Lines\" values (1, 'groß', 2), (1, null, 3);"
        'create table "user" ("%" int primary key, "?" int, ":x" int);'
        'insert into "user" values (7, 8, 9)'
    )
    assert tables.read() == {"Order Lines": 2, "user": 1}
    assert tables.rows("select * exclude (_ps_ingested_at, _ps_loaded_at) from order_lines") == [
        (1, "groß", 2),
        (1, None, 3),
    ]
    assert tables.rows('select count(*) from "user"') == [(1,)]


def test_a_table_of_1500_columns(sql: psycopg.Connection[Any], tables: Tables) -> None:
    kinds = ("int", "text")
    names = ", ".join(f"c{n} {kinds[n % 2]} default {n}" for n in range(1499))
    sql.execute(f"create table wide (id int primary key, {names})".encode())
    sql.execute("insert into wide (id) select n from generate_series(1, 20) n")
    tables.run()
    assert tables.rows("select count(*), sum(c1498), max(c1497) from wide") == [
        (20, 20 * 1498, "1497")
    ]
    tables.destination = {"type": "duckdb", "path": "out.duckdb"}
    assert compared(tables)["wide"].status == Status.EQUAL
    change(tables, "update wide set c1497 = 'other' where id = 7")
    assert compared(tables)["wide"].counts == {"changed": 1}


def test_empty_tables_views_partitions_and_generated_columns(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute(
        "create table nothing (id int primary key, v text);"
        "create table parted (id int, at date, primary key (id, at)) partition by range (at);"
        "create table p25 partition of parted for values from ('2025-01-01') to ('2026-01-01');"
        "create table p26 partition of parted for values from ('2026-01-01') to ('2027-01-01');"
        "insert into parted values (1, '2025-05-05'), (2, '2026-06-06');"
        "create table sums (id int primary key, a int,"
        " twice int generated always as (a * 2) stored);"
        "insert into sums (id, a) values (1, 21);"
        "create view seen as select id, a from sums;"
        "create materialized view kept as select * from sums"
    )
    assert tables.read() == {"nothing": 0, "parted": 2, "sums": 1, "seen": 1, "kept": 1}
    assert tables.rows("select id, v from nothing") == []
    assert tables.rows("select id, a, twice from sums") == [(1, 21, 42)]


def test_a_table_without_a_key_is_appended_at_each_run(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute("create table loose (v text); insert into loose values ('a'), ('a'), (null), ('')")
    summary = tables.run()
    assert any("its rows are appended" in text for text in summary.warnings)
    assert tables.rows("select v, count(*) from loose group by v order by v nulls last") == [
        ("", 1), ("a", 2), (None, 1),
    ]  # fmt: skip
    tables.run()
    assert tables.rows("select count(*) from loose") == [(8,)]


def test_a_large_table_without_any_index_is_refused(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute("create table loose (v text)")
    # The server's own estimate decides; it is set here as an analysis would set it.
    sql.execute("set allow_system_table_mods = on")
    sql.execute("update pg_class set reltuples = 5000001, relpages = 9 where relname = 'loose'")
    tables.pipeline = {"objects": {"include": ["loose"]}}
    found = tables.tried()
    assert found.exit_code == 3
    assert found.objects[0].error["code"] == "FULL_LOAD_ROW_CAP"


def _three_schemas(sql: psycopg.Connection[Any]) -> None:
    for name in ("shop_de", "shop_fr", "other"):
        sql.execute(
            f"create schema {name}; create table {name}.orders (id int primary key, total int);"
            f"insert into {name}.orders values (1, 10), (2, 20)".encode()
        )


def test_several_schemas_by_a_pattern_with_exclusions(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    _three_schemas(sql)
    sql.execute("create table shop_de.logs (id int primary key)")
    tables.source = {**tables.source, "schema": "shop_*"}
    tables.pipeline = {"objects": {"include": ["shop_*.*"], "exclude": ["*.logs"]}}
    assert tables.read() == {"shop_de.orders": 2, "shop_fr.orders": 2}
    assert tables.rows("select id, _ps_schema from shop_fr_orders order by id") == [
        (1, "shop_fr"), (2, "shop_fr"),
    ]  # fmt: skip


def test_tables_of_one_name_are_merged_with_their_schema_in_the_key(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    _three_schemas(sql)
    sql.execute("alter table shop_fr.orders add note text")
    tables.source = {**tables.source, "schema": "shop_de, shop_fr", "merge_tables": True}
    append = {"query_mode": "UNIQUE_INCREMENTING_APPEND_ONLY", "cursor": "id"}
    tables.pipeline = {"settings": {"orders": append}}
    assert tables.read() == {"orders": 4}
    sql.execute("insert into shop_fr.orders values (3, 30, 'late')")
    assert tables.read() == {"orders": 1}
    found = tables.rows("select _ps_schema, count(*), sum(total) from orders group by 1 order by 1")
    assert found == [("shop_de", 2, 30), ("shop_fr", 3, 60)]


def test_xmin_brings_changed_rows_and_needs_its_permission(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute("create table t (id int primary key, v int); insert into t values (1, 1), (2, 2)")
    tables.source = {**tables.source, "mode": "xmin"}
    with pytest.raises(FileError, match="one change") as refused:
        tables.run()
    assert "enable_xmin" in str(refused.value.problems)
    tables.source = {**tables.source, "enable_xmin": True}
    assert tables.read() == {"t": 2}
    assert tables.read() == {"t": 0}
    sql.execute("update t set v = 3 where id = 1")
    assert tables.read() == {"t": 1}
    assert tables.read() == {"t": 0}
    assert tables.rows("select id, v from t order by id") == [(1, 3), (2, 2)]
    assert tables.rows("select count(distinct _ps_xmin) from t") == [(2,)]


def test_rows_without_a_cursor_value_are_counted_in_a_warning(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute(
        "create table t (id int primary key, at timestamptz);"
        "insert into t values (1, now()), (2, null), (3, null)"
    )
    tables.pipeline = {"settings": {"t": {"query_mode": "DELTA_TIMESTAMP", "cursor": "at"}}}
    summary = tables.run()
    assert summary.totals.read == 1
    assert summary.objects[0].warnings == ["2 rows have no value in at and are not read."]


def test_another_mode_reads_the_object_anew(sql: psycopg.Connection[Any], tables: Tables) -> None:
    sql.execute("create table t (id int primary key, at timestamptz default now())")
    sql.execute("insert into t select n from generate_series(1, 10) n")
    tables.pipeline = {"settings": {"t": {"query_mode": "DELTA_TIMESTAMP", "cursor": "at"}}}
    assert tables.read() == {"t": 10}
    tables.pipeline = {
        "settings": {"t": {"query_mode": "UNIQUE_INCREMENTING_APPEND_ONLY", "cursor": "id"}}
    }
    assert tables.read() == {"t": 10}
    assert tables.read() == {"t": 0}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param({"query_mode": "DELTA_TIMESTAMP"}, "needs the timestamp column", id="none"),
        pytest.param(
            {"query_mode": "DELTA_TIMESTAMP", "cursor": "v"}, "needs a timestamp", id="wrong type"
        ),
        pytest.param(
            {"query_mode": "DELTA_TIMESTAMP", "cursor": "x"}, "no column 'x'", id="no such column"
        ),
        pytest.param({"cursor": "id"}, "no query_mode", id="a cursor alone"),
    ],
)
def test_a_mode_that_does_not_fit_is_refused(
    sql: psycopg.Connection[Any], tables: Tables, settings: dict[str, Any], words: str
) -> None:
    sql.execute("create table t (id int primary key, v text)")
    tables.pipeline = {"settings": {"t": settings}}
    found = tables.tried()
    assert found.exit_code == 2
    assert words in found.error["message"]


def test_modes_are_chosen_by_the_columns(sql: psycopg.Connection[Any], tables: Tables) -> None:
    sql.execute(
        "create table a (id int primary key, updated_at timestamptz not null);"
        "create table b (id uuid primary key, last_modified timestamp not null);"
        "create table c (id int primary key, updated_at timestamptz);"
        "create table d (id int primary key, created_at timestamptz not null)"
    )
    with tables.opened() as source:
        found = {stream.name: stream.cursor for stream in source.discover()}
    assert found == {"a": "updated_at", "b": "last_modified", "c": None, "d": None}


def test_a_user_with_few_rights_reads_what_it_may(
    sql: psycopg.Connection[Any], tables: Tables, postgres_url: str
) -> None:
    sql.execute("create table mine (id int primary key, v int, secret int)")
    sql.execute("create table hidden (id int primary key)")
    sql.execute("insert into mine values (1, 2, 3)")
    name = f"r{postgres_url[-12:]}"
    sql.execute(f"create role {name} login password '{PASSWORD}'".encode())
    sql.execute(f"grant select (id, v) on mine to {name}".encode())
    sql.execute("create schema aside; create table aside.secured (id int primary key)")
    sql.execute("alter table aside.secured enable row level security")
    sql.execute(
        f"grant usage on schema aside to {name}; grant select on aside.secured to {name}".encode()
    )
    try:
        tables.source = {**tables.source, "user": name}
        assert tables.read() == {"mine": 1}
        assert tables.rows("select id, v from mine") == [(1, 2)]
        with tables.opened() as source:
            steps = {step.name: step for step in source.check()}
        assert steps["rights"].ok
        assert "1 cannot be read: public.hidden" in steps["rights"].detail
        assert "GRANT SELECT" in str(steps["rights"].hint)
        sql.execute("create schema more; create table more.out_of_sight (id int)")
        tables.source = {**tables.source, "schema": "public, more"}
        with tables.opened() as source:
            both = next(step for step in source.check() if step.name == "rights")
        for schema in ("public", "more"):
            assert f'SELECT ON ALL TABLES IN SCHEMA "{schema}" TO' in str(both.hint)
        assert steps["row security"].detail == "hides no rows"
        tables.source = {**tables.source, "schema": "aside"}
        with tables.opened() as source:
            aside = {step.name: step for step in source.check()}
        assert "policies may hide rows of aside.secured" in aside["row security"].detail
        assert "BYPASSRLS" in str(aside["row security"].hint)
        assert "pg_read_all_stats" in str(steps["transactions"].hint)
    finally:
        sql.execute(f"drop owned by {name}; drop role {name}".encode())


def test_new_tables_are_included_by_policy_or_by_name(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute("create table a (id int primary key)")
    assert tables.read() == {"a": 0}
    sql.execute("create table b (id int primary key); create table c (id int primary key)")
    summary = tables.run()
    assert [item.object for item in summary.objects] == ["a"]
    assert sum("is new and is not read" in text for text in summary.warnings) == 2
    tables.pipeline = {"objects": {"include": ["*", "b"]}}
    assert tables.read() == {"a": 0, "b": 0}
    tables.pipeline = {"include_new_tables": True}
    assert tables.read() == {"a": 0, "b": 0, "c": 0}
    tables.pipeline = {}
    assert tables.read() == {"a": 0, "b": 0, "c": 0}
