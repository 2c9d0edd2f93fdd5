"""What users do to our tables in MySQL, and what a load does then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from maria import MariaServer
from penstock.connectors.destinations.mysql.config import Config
from penstock.connectors.destinations.mysql.destination import MySql
from penstock.core.errors import ConfigError, DataError, SchemaConflict
from penstock.core.load import Receipt, TableLoad, WriteMode
from penstock.sdk.conformance.kit import Loads, read

pytestmark = pytest.mark.mysql

Sql = Callable[[str], list[Any]]


@pytest.fixture
def destination(maria_url: str) -> Iterator[MySql]:
    with closing(MySql(Config.model_validate({"url": maria_url}))) as destination:
        yield destination


@pytest.fixture
def sql(maria_server: MariaServer, maria_url: str) -> Iterator[Sql]:
    """Runs statements of the user."""
    with closing(maria_server.connect(maria_url.rpartition("/")[2])) as connection:

        def run(text: str) -> list[Any]:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return list(cursor.fetchall())

        yield run


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def put(destination: MySql, load: TableLoad) -> Receipt:
    destination.evolve(
        load.table, load.schema, load.key, mode=load.mode, generation=load.generation
    )
    return destination.load(load)


RAISES = (
    "create trigger t before insert on people for each row begin if new.v = 'bad' then "
    "signal sqlstate '45000' set message_text = 'no bad rows'; end if; end"
)


@pytest.mark.parametrize(
    ("change", "good", "bad", "code"),
    [
        ("alter table people add check (v <> 'bad')", "ok", "bad", "CONSTRAINT_VIOLATION"),
        ("alter table people modify v varchar(9) not null", "ok", None, "NOT_NULL_VIOLATION"),
        (RAISES, "ok", "bad", "CONSTRAINT_VIOLATION"),
        ("alter table people modify v enum('a', 'ok')", "ok", "bad", "INCOMPATIBLE_TYPE"),
        ("alter table people modify v char(5)", "ok", "x" * 6, "VALUE_TOO_LONG"),
        ("alter table people modify v text character set latin1", "é", "日", "INCOMPATIBLE_TYPE"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("empty", [True, False])
def test_only_the_rows_that_the_table_refuses_are_found(
    destination: MySql, sql: Sql, loads: Loads, change: str, good: str, bad: Any, code: str,
    empty: bool,
) -> None:  # fmt: skip
    put(destination, loads([{"id": 0, "v": "a"}]))
    if empty:
        sql("delete from people")
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


def test_another_unique_index_is_refused(destination: MySql, sql: Sql, loads: Loads) -> None:
    put(destination, loads([{"id": 0, "v": "a"}]))
    sql("create unique index twin on people (v)")
    with pytest.raises(ConfigError) as raised:
        put(destination, loads([{"id": 1, "v": "b"}]))
    assert raised.value.code == "destination.other_unique"
    assert "twin" in raised.value.message
    sql("drop index twin on people")
    assert put(destination, loads([{"id": 1, "v": "b"}])).inserted == 1


def test_rows_that_only_together_are_refused(destination: MySql, sql: Sql, loads: Loads) -> None:
    append = WriteMode.APPEND
    put(destination, loads([{"id": 0, "v": "zero"}], append))
    sql("create unique index twin on people (v)")
    values = {2: "twice", 7: "twice", 11: "zero", 15: "twice"}
    load = loads([{"id": n, "v": values.get(n, f"v{n}")} for n in range(1, 20)], append)
    with pytest.raises(DataError):
        put(destination, load)
    assert [item.index + 1 for item in destination.refused(load)] == [7, 11, 15]


@pytest.mark.parametrize("mode", list(WriteMode))
def test_json_is_compared_with_json(destination: MySql, loads: Loads, mode: WriteMode) -> None:
    shape = pa.schema([("id", pa.int64()), ("v", pa.json_(pa.string()))])
    first = [{"id": n, "v": '{"a":[1]}'} for n in (1, 2)]
    put(destination, loads(first, mode, shape=shape))
    later = [{"id": 1, "v": '{"a":[1]}', "at": 200}, {"id": 2, "v": '{"a":[2]}', "at": 200}]
    receipt = put(destination, loads(later, mode, shape=shape))
    appended = mode is WriteMode.APPEND
    assert (receipt.updated, receipt.unchanged) == ((0, 0) if appended else (1, 1))


@pytest.mark.parametrize("collation", ["utf8mb4_bin", "utf8mb4_general_ci", "latin1_swedish_ci"])
@pytest.mark.parametrize("key", ["varchar(99) primary key", "varchar(99)", "text"])
@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_table_of_the_users_own_collation(
    destination: MySql, sql: Sql, loads: Loads, key: str, collation: str, mode: WriteMode
) -> None:
    sql(
        f"create table people (id {key.replace(')', f') collate {collation}')}, v text) "
        f"character set {collation.partition('_')[0]} collate {collation}"
    )
    if key == "text" and mode is WriteMode.HISTORY:
        sql("alter table people modify id varchar(500)")
    shape = pa.schema([("id", pa.string()), ("v", pa.string())])
    for at in (100, 200):
        rows = [{"id": k, "v": f"é{at}", "at": at} for k in ("x", "y")]
        receipt = put(destination, loads(rows, mode, shape=shape))
    appended = mode is WriteMode.APPEND
    assert (receipt.inserted, receipt.updated) == ((2, 0) if appended else (0, 2))
    same = [{"id": "x", "v": "é200", "at": 300}, {"id": "y", "v": "E200", "at": 300}]
    receipt = put(destination, loads(same, mode, shape=shape))
    assert (receipt.updated, receipt.unchanged) == ((0, 0) if appended else (1, 1))


def test_keys_of_a_collation_without_case_meet_as_the_table_says(
    destination: MySql, sql: Sql, loads: Loads
) -> None:
    sql("create table people (id varchar(50) collate utf8mb4_general_ci primary key, v text)")
    shape = pa.schema([("id", pa.string()), ("v", pa.string())])
    put(destination, loads([{"id": "Ada", "v": "a"}], shape=shape))
    receipt = put(destination, loads([{"id": "ADA", "v": "b", "at": 200}], shape=shape))
    assert (receipt.inserted, receipt.updated) == (0, 1)
    assert sql("select id, v from people") == [("Ada", "b")]
    # Values are compared byte by byte where one side is.
    assert put(destination, loads([{"id": "ada", "v": "B", "at": 300}], shape=shape)).updated == 1


def test_texts_that_only_differ_in_case_accents_or_spaces_are_different_keys(
    destination: MySql, loads: Loads
) -> None:
    shape = pa.schema([("id", pa.string()), ("v", pa.int64())])
    keys = ["a", "A", "á", "a ", "a\t", "ß", "ss", "", " ", "e\u0301", "é"]
    for at in (100, 200):
        rows = [{"id": key, "v": n + at, "at": at} for n, key in enumerate(keys)]
        receipt = put(destination, loads(rows, shape=shape))
    assert (receipt.inserted, receipt.updated) == (0, len(keys))
    wanted = sorted((key, n + 200) for n, key in enumerate(keys))
    assert sorted(read(destination, "id", "v")) == wanted


def test_a_key_in_another_character_set_is_compared_as_text(
    destination: MySql, sql: Sql, loads: Loads
) -> None:
    sql("create table people (id varchar(9) collate latin1_bin primary key, v bigint)")
    shape = pa.schema([("id", pa.string()), ("v", pa.int64())])
    for at in (100, 200):
        rows = [{"id": key, "v": at, "at": at} for key in ("é", "e")]
        receipt = put(destination, loads(rows, shape=shape))
    assert receipt.updated == 2
    assert sorted(sql("select id, v from people")) == [("e", 200), ("é", 200)]


def test_a_short_text_column_is_lengthened(destination: MySql, sql: Sql, loads: Loads) -> None:
    # In the first load nothing was there that could be told of.
    assert put(destination, loads([{"id": 0, "v": "a" * 300}])).warnings == ()
    receipt = put(destination, loads([{"id": 1, "v": "x" * 600}, {"id": 2, "v": "y"}]))
    assert receipt.inserted == 2
    (told,) = receipt.warnings
    assert told == (
        "The column v of people was too short for a value: it was varchar(512) "
        "and is varchar(1024) now."
    )
    (told,) = put(destination, loads([{"id": 3, "v": "z" * 70_000}])).warnings
    assert told.endswith("is longtext now.")
    assert [len(v) for _, v in read(destination, "id", "v")] == [300, 600, 1, 70_000]


@pytest.mark.parametrize("kind", ["varchar(20)", "tinytext"])
def test_a_column_that_is_to_stay_is_not_lengthened(
    destination: MySql, sql: Sql, loads: Loads, kind: str
) -> None:
    """Pipelines.md 12.2, row 7, without auto mapping."""
    put(destination, loads([{"id": 0, "v": "a"}]))
    sql(f"alter table people modify v {kind}")
    load = replace(loads([{"id": 1, "v": "x" * 300}, {"id": 2, "v": "y"}]), fixed=True)
    with pytest.raises(DataError):
        put(destination, load)
    assert [(r.index, r.code) for r in destination.refused(load)] == [(0, "VALUE_TOO_LONG")]
    put(destination, replace(loads([{"id": 2, "v": "y"}]), fixed=True))
    assert read(destination, "id", "v") == [(0, "a"), (2, "y")]


def test_a_new_table_is_made_long_enough_all_the_same(destination: MySql, loads: Loads) -> None:
    put(destination, replace(loads([{"id": 1, "v": "x" * 300}]), fixed=True))
    assert [len(v) for _, v in read(destination, "id", "v")] == [300]


@pytest.mark.parametrize("kind", ["tinytext", "text", "tinyblob", "blob"])
def test_a_value_is_never_cut_to_a_short_text_of_the_user(
    destination: MySql, sql: Sql, loads: Loads, kind: str
) -> None:
    """From longtext to a shorter one the server keeps the length modulo 256 or 65,536."""
    is_text = kind.endswith("text")
    shape = pa.schema([("id", pa.int64()), ("v", pa.string() if is_text else pa.binary())])
    short, long = ("a", "é" * 40_000) if is_text else (b"a", b"a" * 65_536)
    put(destination, loads([{"id": 1, "v": short}], shape=shape))
    sql(f"alter table people modify v {kind}")
    receipt = put(destination, loads([{"id": 1, "v": long, "at": 200}], shape=shape))
    assert receipt.warnings[0].endswith(f"it was {kind} and is long{kind[-4:]} now.")
    assert read(destination, "v") == [(long,)]


def test_a_row_has_room_for_many_columns_of_text(destination: MySql, loads: Loads) -> None:
    shape = pa.schema([("id", pa.int64()), *((f"c{n}", pa.string()) for n in range(150))])
    row = {"id": 1, **{f"c{n}": f"{n}" * 100 for n in range(150)}}
    put(destination, loads([row], shape=shape))
    wider = pa.schema([*shape, *((f"d{n}", pa.string()) for n in range(30))])
    put(destination, loads([{"id": 2, **{f"d{n}": "x" * 200 for n in range(30)}}], shape=wider))
    assert read(destination, "c149", "d29") == [(None, "x" * 200), ("149" * 100, None)]


def test_as_many_columns_as_there_can_be(destination: MySql, loads: Loads) -> None:
    names = [f"c{n}" for n in range(1017 - 4)]
    shape = pa.schema([("id", pa.int64()), *((name, pa.string()) for name in names)])
    rows: list[dict[str, Any]] = [
        {"id": 1, "c0": "a", "c999": "b"},
        {"id": 2, **dict.fromkeys(names, "long enough to fill the page")},
    ]
    load = loads(rows, shape=shape)
    with pytest.raises(DataError):
        put(destination, load)
    (refused,) = destination.refused(load)
    assert (refused.index, refused.code) == (1, "VALUE_TOO_LONG")
    put(destination, loads(rows[:1], shape=shape))
    assert read(destination, "id", "c0", "c999") == [(1, "a", "b")]


def test_a_key_too_long_for_the_index_is_refused_alone(destination: MySql, loads: Loads) -> None:
    shape = pa.schema([("a", pa.string()), ("b", pa.string()), ("v", pa.string())])
    rows = [{"a": "x" * n, "b": "é", "v": "x"} for n in (1, 384, 385)]
    load = loads(rows, shape=shape, key=("a", "b"))
    with pytest.raises(DataError):
        put(destination, load)
    assert [(r.index, r.code) for r in destination.refused(load)] == [(2, "VALUE_TOO_LONG")]
    put(destination, loads(rows[:2], shape=shape, key=("a", "b")))
    assert [len(a) for (a,) in read(destination, "a")] == [1, 384]


def test_a_column_in_an_index_does_not_become_another(
    destination: MySql, sql: Sql, loads: Loads
) -> None:
    moments = pa.schema([("id", pa.int64()), ("v", pa.timestamp("us"))])
    put(destination, loads([{"id": 1, "v": 0}], shape=moments))
    sql("create index mine on people (v)")
    with pytest.raises(SchemaConflict) as raised:
        put(destination, loads([{"id": 2, "v": "text"}]))
    assert raised.value.code == "schema.cannot_widen"
    sql("drop index mine on people")
    put(destination, loads([{"id": 2, "v": "text"}]))
    assert read(destination, "id", "v") == [(1, "1970-01-01T00:00:00"), (2, "text")]


def test_the_number_of_a_key_becomes_text(destination: MySql, loads: Loads) -> None:
    put(destination, loads([{"id": 1, "v": "a"}]))
    shape = pa.schema([("id", pa.string()), ("v", pa.string())])
    receipt = put(destination, loads([{"id": "1", "v": "b", "at": 200}, {"id": "x"}], shape=shape))
    assert (receipt.inserted, receipt.updated) == (1, 1)
    assert read(destination, "id", "v") == [("1", "b"), ("x", None)]


def test_a_widening_that_was_broken_off_is_done(destination: MySql, sql: Sql, loads: Loads) -> None:
    flags = pa.schema([("id", pa.int64()), ("v", pa.bool_())])
    put(destination, loads([{"id": 1, "v": True}], shape=flags))
    # As a crash between the two statements leaves it, with a row that came since.
    sql("alter table people add column _ps_stg_v longtext default ('true') after v")
    sql("update people set v = 0")
    put(destination, loads([{"id": 2, "v": "text"}]))
    assert read(destination, "id", "v") == [(1, "false"), (2, "text")]
    assert "_ps_stg_v" not in (destination.describe("people") or pa.schema([])).names


def test_rows_become_versions_in_one_statement(destination: MySql, sql: Sql, loads: Loads) -> None:
    put(destination, loads([{"id": 1, "v": "a"}]))
    load = loads([{"id": 1, "v": "a"}])
    done = destination.evolve("people", load.schema, ("id",), mode=WriteMode.HISTORY)
    assert sum("_ps_valid_from" in statement for statement in done) == 2
    put(destination, loads([{"id": 1, "v": "b", "at": 200}], WriteMode.HISTORY))
    (made,) = sql("show create table people")
    assert "DEFAULT (" not in made[1]


def test_names_that_differ_only_in_case_are_refused(destination: MySql) -> None:
    shape = pa.schema([("id", pa.int64()), ("Name", pa.string()), ("name", pa.string())])
    with pytest.raises(ConfigError) as raised:
        destination.evolve("people", shape, ("id",), mode=WriteMode.MERGE)
    assert raised.value.code == "config.name_twice"


def test_tables_whose_names_differ_only_in_case_are_two(destination: MySql, loads: Loads) -> None:
    for table in ("people", "People"):
        put(destination, loads([{"id": 1, "v": table}], table=table))
    put(destination, loads([{"id": 1, "v": "new", "at": 200}], table="People"))
    assert read(destination, "v") == [("people",)]
    assert read(destination, "v", table="People") == [("new",)]


def test_a_trial_after_another_table_leaves_nothing(
    destination: MySql, sql: Sql, loads: Loads
) -> None:
    """A text that is too long changes its table, and every such change commits."""
    put(destination, loads([{"id": 0, "v": "a"}]))
    put(destination, loads([{"id": 0, "v": "a"}], table="pets"))
    first = loads([{"id": 1, "v": "b"}])
    second = loads([{"id": 1, "v": "x" * 300}, {"id": None, "v": "y"}], table="pets")
    assert [r.index for r in destination.refused(second, [first])] == [1]
    assert sql("select id from people") == [(0,)]
    assert sql("select id from pets") == [(0,)]


@pytest.mark.parametrize("mode", [WriteMode.MERGE, WriteMode.APPEND])
def test_new_rows_go_straight_and_others_the_long_way(
    destination: MySql, loads: Loads, mode: WriteMode
) -> None:
    put(destination, loads([{"id": n, "v": "a"} for n in (1, 2)], mode))
    put(destination, loads([{"id": n, "v": "b"} for n in (3, 4)], mode))
    receipt = put(destination, loads([{"id": n, "v": "c", "at": 200} for n in (4, 5)], mode))
    merged = mode is WriteMode.MERGE
    assert (receipt.inserted, receipt.updated) == ((1, 1) if merged else (2, 0))
    kept = [(4, "c")] if merged else [(4, "b"), (4, "c")]
    assert read(destination, "id", "v") == [(1, "a"), (2, "a"), (3, "b"), *kept, (5, "c")]
