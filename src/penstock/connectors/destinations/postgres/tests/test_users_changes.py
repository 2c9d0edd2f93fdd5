"""What users do to our tables in PostgreSQL, and what a load does then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from penstock.connectors.destinations.postgres.config import Config
from penstock.connectors.destinations.postgres.destination import Postgres
from penstock.core.errors import ConfigError, DataError
from penstock.core.load import Receipt, TableLoad, WriteMode
from penstock.sdk.conformance.kit import Loads, read

pytestmark = pytest.mark.postgres


@pytest.fixture
def destination(postgres_url: str) -> Iterator[Postgres]:
    with closing(Postgres(Config.model_validate({"url": postgres_url}))) as destination:
        yield destination


@pytest.fixture
def sql(postgres_url: str) -> Iterator[Callable[[str], list[Any]]]:
    """Runs statements of the user."""
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:

        def run(text: str) -> list[Any]:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

        yield run


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


Sql = Callable[[str], list[Any]]


def put(destination: Postgres, load: TableLoad) -> Receipt:
    destination.evolve(
        load.table, load.schema, load.key, mode=load.mode, generation=load.generation
    )
    return destination.load(load)


RAISES = (
    "create function refuse() returns trigger language plpgsql as "
    "$$ begin if new.v = 'bad' then raise exception 'no bad rows'; end if; return new; end $$; "
    "create trigger t before insert or update on people for each row execute function refuse()"
)

MOOD = "create type mood as enum ('a', 'ok'); alter table people alter v type mood using v::mood"


@pytest.mark.parametrize(
    ("change", "good", "bad", "code"),
    [
        ("alter table people add check (v <> 'bad')", "ok", "bad", "CONSTRAINT_VIOLATION"),
        ("alter table people alter v set not null", "ok", None, "NOT_NULL_VIOLATION"),
        (RAISES, "ok", "bad", "CONSTRAINT_VIOLATION"),
        (MOOD, "ok", "bad", "INCOMPATIBLE_TYPE"),
        ("alter table people alter v type inet using null", "::1", "x", "INCOMPATIBLE_TYPE"),
        ("alter table people alter v type point using null", "(1,2)", "x", "INCOMPATIBLE_TYPE"),
    ],
)
def test_only_the_rows_that_the_table_refuses_are_found(
    destination: Postgres, sql: Sql, loads: Loads, change: str, good: str, bad: Any, code: str
) -> None:
    put(destination, loads([{"id": 0, "v": "a"}]))
    sql(change)
    rows = [{"id": n, "v": bad if n in (5, 9) else good} for n in range(1, 20)]
    load = loads(rows)
    with pytest.raises(DataError):
        put(destination, load)
    assert [(item.index, item.code) for item in destination.refused(load)] == [(4, code), (8, code)]
    taken = [row for row in rows if row["v"] == good]
    assert put(destination, loads(taken)).inserted == 17
    # Values of such types are compared too: nothing is written again.
    assert put(destination, loads([{**row, "at": 200} for row in taken])).unchanged == 17


def test_rows_that_only_together_are_refused(destination: Postgres, sql: Sql, loads: Loads) -> None:
    put(destination, loads([{"id": 0, "v": "zero"}]))
    sql("create unique index on people (v)")
    values = {2: "twice", 7: "twice", 11: "zero", 15: "twice"}
    load = loads([{"id": n, "v": values.get(n, f"v{n}")} for n in range(1, 20)])
    with pytest.raises(DataError):
        put(destination, load)
    assert [item.index + 1 for item in destination.refused(load)] == [7, 11, 15]


def test_a_short_text_column_is_lengthened(destination: Postgres, sql: Sql, loads: Loads) -> None:
    put(destination, loads([{"id": 0, "v": "a"}]))
    sql("alter table people alter v type varchar(20)")
    receipt = put(destination, loads([{"id": 1, "v": "x" * 40}, {"id": 2, "v": "y"}]))
    assert receipt.inserted == 2
    (told,) = receipt.warnings
    assert told == (
        "The column v of people was too short for a value: it was varchar(20) "
        "and is varchar(256) now."
    )
    assert (
        put(destination, loads([{"id": 3, "v": "z" * 70_000}])).warnings[0].endswith("is text now.")
    )
    assert [len(v) for _, v in read(destination, "id", "v")] == [1, 40, 1, 70_000]


def test_a_column_that_is_to_stay_is_not_lengthened(
    destination: Postgres, sql: Sql, loads: Loads
) -> None:
    """Pipelines.md 12.2, row 7, without auto mapping."""
    put(destination, loads([{"id": 0, "v": "a"}]))
    sql("alter table people alter v type varchar(20)")
    load = replace(loads([{"id": 1, "v": "x" * 40}, {"id": 2, "v": "y"}]), fixed=True)
    with pytest.raises(DataError):
        put(destination, load)
    assert [(r.index, r.code) for r in destination.refused(load)] == [(0, "VALUE_TOO_LONG")]


def test_a_short_text_column_below_a_view_refuses_the_row(
    destination: Postgres, sql: Sql, loads: Loads
) -> None:
    put(destination, loads([{"id": 0, "v": "a"}]))
    sql("alter table people alter v type varchar(5); create view w as select v from people")
    load = loads([{"id": 1, "v": "too long"}, {"id": 2, "v": "fits"}])
    with pytest.raises(DataError):
        put(destination, load)
    assert [(item.index, item.code) for item in destination.refused(load)] == [
        (0, "VALUE_TOO_LONG")
    ]


def test_a_view_is_named_when_it_keeps_a_column_from_widening(
    destination: Postgres, sql: Sql, loads: Loads
) -> None:
    number = pa.schema([("id", pa.int64()), ("v", pa.int32())])
    put(destination, loads([{"id": 1, "v": 5}], shape=number))
    sql("create view w as select v from people")
    with pytest.raises(ConfigError) as raised:
        put(destination, loads([{"id": 2, "v": "text"}]))
    assert raised.value.code == "destination.depends"
    assert "view w" in raised.value.message
    sql("drop view w")
    put(destination, loads([{"id": 2, "v": "text"}]))
    assert read(destination, "id", "v") == [(1, "5"), (2, "text")]


def test_a_column_of_json_text_is_compared_by_its_meaning(
    destination: Postgres, sql: Sql, loads: Loads
) -> None:
    shape = pa.schema([("id", pa.int64()), ("v", pa.json_(pa.string()))])
    put(destination, loads([{"id": 1, "v": '{"a":1,"b":2}'}], shape=shape))
    sql("alter table people alter v type json")
    same = loads([{"id": 1, "v": '{"b":2,"a":1}', "at": 200}], shape=shape)
    assert put(destination, same).unchanged == 1


def test_unchanged_rows_are_not_touched_at_all(
    destination: Postgres, sql: Sql, loads: Loads
) -> None:
    rows = [{"id": n, "v": "a"} for n in range(50)]
    put(destination, loads(rows))
    versions = "select id, ctid::text, xmin::text, xmax::text from people order by id"
    before = sql(versions)
    later = [{**row, "at": 200} for row in rows]
    later[7]["v"] = "b"
    assert put(destination, loads(later)).unchanged == 49
    changed = [new[0] for old, new in zip(before, sql(versions), strict=True) if old != new]
    assert changed == [7]


def test_a_key_of_the_users_table_keeps_rows_in_place(
    destination: Postgres, sql: Sql, loads: Loads
) -> None:
    put(destination, loads([{"id": 1, "v": "a"}]))
    sql("create table orders (person bigint references people (id))")
    sql("insert into orders values (1)")
    assert put(destination, loads([{"id": 1, "v": "b", "at": 200}])).updated == 1
    assert read(destination, "id", "v") == [(1, "b")]


def test_a_table_without_a_unique_key_is_merged_too(
    destination: Postgres, sql: Sql, loads: Loads
) -> None:
    sql("create table people (id bigint, v text)")
    put(destination, loads([{"id": 1, "v": "a"}, {"id": 2, "v": "x"}]))
    receipt = put(destination, loads([{"id": 1, "v": "b", "at": 200}, {"id": 3, "v": "c"}]))
    assert (receipt.inserted, receipt.updated) == (1, 1)
    assert read(destination, "id", "v") == [(1, "b"), (2, "x"), (3, "c")]


def test_publishing_keeps_what_hangs_on_the_table(
    destination: Postgres, sql: Sql, loads: Loads
) -> None:
    put(destination, loads([{"id": 1, "v": "old"}]))
    sql("create view w as select id, v from people; create index mine on people (v)")
    sql("comment on table people is 'ours'; alter table people add column note text")
    sql("grant select on people to public")
    put(destination, loads([{"id": 1, "v": "new", "at": 200}, {"id": 2, "v": "b"}], generation=1))
    destination.publish("people", 1)
    assert sql("select * from w order by id") == [(1, "new"), (2, "b")]
    assert sql("select note from people") == [(None,), (None,)]
    assert sql("select count(*) from pg_indexes where tablename = 'people'") == [(2,)]
    assert sql(
        "select obj_description(oid), relacl::text from pg_class where relname = 'people'"
    ) == [("ours", "{penstock=arwdDxt/penstock,=r/penstock}")]
    assert sql("select count(*) from pg_class where relname like '%\\_g1'") == [(0,)]


INDEXES = "select indexdef from pg_indexes where tablename = 'people' order by 1"


@pytest.mark.parametrize("mode", [WriteMode.HISTORY, WriteMode.APPEND])
def test_a_table_with_views_takes_several_rows_of_a_key_after_a_reload(
    destination: Postgres, sql: Sql, loads: Loads, mode: WriteMode
) -> None:
    """A reload in another mode: the table stays, its primary key does not."""
    put(destination, loads([{"id": 1, "v": "old"}]))
    sql("create view w as select id, v from people")
    for at, v in ((200, "a"), (300, "b")):
        put(destination, loads([{"id": 1, "v": v, "at": at}], mode, generation=1))
    destination.publish("people", 1)
    assert sql("select v from w order by v") == [("a",), ("b",)]
    receipt = put(destination, loads([{"id": 1, "v": "c", "at": 400}], mode))
    assert receipt.inserted + receipt.updated == 1
    assert sql("select v from w order by v") == [("a",), ("b",), ("c",)]
    kept = ["CREATE INDEX people_id_idx ON public.people USING btree (id)"]
    assert [row[0] for row in sql(INDEXES)] == (kept if mode is WriteMode.HISTORY else [])


def test_a_key_that_others_refer_to_keeps_the_reload_waiting(
    destination: Postgres, sql: Sql, loads: Loads
) -> None:
    put(destination, loads([{"id": 1, "v": "old"}]))
    sql("create table orders (person bigint references people (id))")
    put(destination, loads([{"id": 1, "v": "new"}], WriteMode.HISTORY, generation=1))
    with pytest.raises(ConfigError) as raised:
        destination.publish("people", 1)
    assert raised.value.code == "destination.depends"
    assert "orders" in raised.value.message
    assert read(destination, "v") == [("old",)]
    sql("drop table orders")
    destination.publish("people", 1)
    assert read(destination, "v") == [("new",)]


@pytest.mark.parametrize("mode", list(WriteMode))
@pytest.mark.parametrize("before", list(WriteMode))
def test_a_reload_keeps_an_index_of_the_users_and_else_makes_a_new_table(
    destination: Postgres, sql: Sql, loads: Loads, before: WriteMode, mode: WriteMode
) -> None:
    number = "select oid from pg_class where relname = 'people'"
    put(destination, loads([{"id": 1, "v": "a"}], before))
    old = sql(number)
    put(destination, loads([{"id": 1, "v": "b", "at": 200}], mode, generation=1))
    destination.publish("people", 1)
    made = sql(number)
    # The index of a history looks like one of the user's where nothing is in its place.
    assert (made != old) is not (before is WriteMode.HISTORY and mode is WriteMode.APPEND)
    sql("create index mine on people (v)")
    put(destination, loads([{"id": 1, "v": "c", "at": 300}], before, generation=2))
    destination.publish("people", 2)
    assert sql(number) == made
    assert "mine" in str(sql(INDEXES))
    assert read(destination, "id", "v") == [(1, "c")]


def test_a_reload_that_breaks_a_rule_of_the_table_waits_for_the_user(
    destination: Postgres, sql: Sql, loads: Loads
) -> None:
    put(destination, loads([{"id": 1, "v": "old"}]))
    sql("alter table people add constraint mine check (v <> 'new')")
    put(destination, loads([{"id": 1, "v": "new"}], generation=1))
    with pytest.raises(ConfigError) as raised:
        destination.publish("people", 1)
    assert raised.value.code == "destination.depends"
    assert read(destination, "v") == [("old",)]
    sql("alter table people drop constraint mine")
    destination.publish("people", 1)
    assert read(destination, "v") == [("new",)]


def test_two_connections_fill_one_table_at_once(
    destination: Postgres, postgres_url: str, loads: Loads
) -> None:
    put(destination, loads([{"id": 0, "v": "a"}]))
    batches = [
        loads(
            [{"id": n, "v": f"{side}", "at": 100 + side} for n in range(300)], pipeline=f"p{side}"
        )
        for side in (1, 2)
    ]

    def fill(load: TableLoad) -> int:
        with closing(Postgres(Config.model_validate({"url": postgres_url}))) as another:
            return another.load(load).rows

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(fill, batches)) == [300, 300]
    # Whoever came first: the row read later stands.
    assert read(destination, "v") == [("2",)] * 300


def test_append_takes_duplicates_of_an_own_key(destination: Postgres, loads: Loads) -> None:
    for at in (100, 200):
        put(destination, loads([{"id": 1, "v": "a", "at": at}], WriteMode.APPEND))
    assert len(read(destination, "id")) == 2
