"""New rows straight into their table, and the long way for all that is refused there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from penstock.connectors.destinations.postgres.config import Config
from penstock.connectors.destinations.postgres.destination import Postgres
from penstock.core.batch import Hint
from penstock.core.errors import DataError
from penstock.core.load import Receipt, TableLoad, WriteMode
from penstock.sdk.conformance.kit import Loads, Row, read
from penstock.sdk.sql.staged import STAGED_ROWS

pytestmark = pytest.mark.postgres

Sql = Callable[[str], list[Any]]


class Watched(Postgres):
    """Counts loads that took the long way."""

    staged = 0

    def copy_in(self, tx: Any, table: str, *rest: Any) -> None:
        self.staged += table == STAGED_ROWS
        super().copy_in(tx, table, *rest)


@pytest.fixture
def destination(postgres_url: str) -> Iterator[Watched]:
    with closing(Watched(Config.model_validate({"url": postgres_url}))) as destination:
        yield destination


@pytest.fixture
def sql(postgres_url: str) -> Iterator[Sql]:
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:

        def run(text: str) -> list[Any]:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

        yield run


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def put(destination: Postgres, load: TableLoad) -> Receipt:
    destination.evolve(
        load.table, load.schema, load.key, mode=load.mode, generation=load.generation
    )
    return destination.load(load)


def rows(first: int, last: int, v: str, **more: Any) -> list[Row]:
    return [{"id": n, "v": v, **more} for n in range(first, last + 1)]


def test_new_keys_go_straight_also_after_other_rows(destination: Watched, loads: Loads) -> None:
    for first in (1, 21, 11):
        assert put(destination, loads(rows(first, first + 9, "a"))).inserted == 10
    assert destination.staged == 0
    assert read(destination, "id", "v", "_ps_loaded_at") == [(n, "a", 999) for n in range(1, 31)]


def test_another_job_goes_straight_where_its_keys_lie_beside_the_stored_ones(
    destination: Watched, postgres_url: str, loads: Loads
) -> None:
    put(destination, loads(rows(1, 10, "a") + rows(21, 30, "a")))
    with closing(Watched(Config.model_validate({"url": postgres_url}))) as another:
        assert put(another, loads(rows(11, 20, "b"))).inserted == 10
        assert another.staged == 0
        receipt = put(another, loads(rows(29, 31, "b", at=200)))
        assert (receipt.inserted, receipt.updated, another.staged) == (1, 2, 1)


def test_a_stored_key_at_the_end_leaves_no_half_load(
    destination: Watched, sql: Sql, loads: Loads
) -> None:
    put(destination, loads(rows(50, 50, "old")))
    receipt = put(destination, loads([*rows(1, 49, "new"), *rows(50, 50, "new", at=200)]))
    assert (receipt.inserted, receipt.updated, destination.staged) == (49, 1, 1)
    assert sql("select count(*), count(distinct id), min(v) from people") == [(50, 50, "new")]
    # Once bitten: what comes next is compared first.
    put(destination, loads(rows(40, 60, "more", at=300)))
    assert destination.staged == 2


def test_older_rows_never_replace_newer_ones(destination: Watched, loads: Loads) -> None:
    put(destination, loads(rows(1, 3, "new", at=300)))
    assert put(destination, loads(rows(1, 4, "old", at=200))).unchanged == 3
    assert read(destination, "id", "v") == [(1, "new"), (2, "new"), (3, "new"), (4, "old")]


def test_deleted_rows_count_as_deleted(destination: Watched, loads: Loads) -> None:
    receipt = put(destination, loads([*rows(1, 2, "a"), *rows(3, 3, "a", op="D")]))
    assert (receipt.inserted, receipt.deleted, destination.staged) == (2, 1, 0)
    assert read(destination, "id", "_ps_deleted") == [(1, False), (2, False), (3, True)]


@pytest.mark.parametrize("hint", [Hint.PLACEHOLDER, Hint.SEEN])
def test_rows_that_are_no_versions_are_compared(
    destination: Watched, loads: Loads, hint: Hint
) -> None:
    put(destination, loads(rows(1, 1, "a", hint=int(hint)), WriteMode.APPEND))
    assert destination.staged == 1


def test_what_the_table_refuses_is_refused_and_nothing_is_left(
    destination: Watched, sql: Sql, loads: Loads
) -> None:
    put(destination, loads(rows(0, 0, "a")))
    sql("alter table people add check (v <> 'bad')")
    load = loads([*rows(1, 9, "a"), *rows(10, 10, "bad")])
    with pytest.raises(DataError):
        put(destination, load)
    assert [item.index for item in destination.refused(load)] == [9]
    assert read(destination, "id") == [(0,)]


def test_a_key_without_a_value_is_refused(destination: Watched, sql: Sql, loads: Loads) -> None:
    sql("create table people (id bigint unique, v text)")
    with pytest.raises(DataError) as raised:
        put(destination, loads([*rows(1, 1, "a"), {"id": None, "v": "b"}]))
    assert raised.value.code == "NULL_IN_PRIMARY_KEY"


SKIPS = (
    "create function skip() returns trigger language plpgsql as "
    "$$ begin if new.v = 'no' then return null; end if; return new; end $$; "
    "create trigger t before insert on people for each row execute function skip()"
)
RULE = "create rule r as on insert to people where new.v = 'no' do instead nothing"


@pytest.mark.parametrize("change", [SKIPS, RULE])
def test_rows_that_the_users_own_words_leave_out(
    destination: Watched, sql: Sql, loads: Loads, change: str
) -> None:
    put(destination, loads(rows(1, 1, "a"), WriteMode.APPEND))
    sql(change)
    put(destination, loads([*rows(2, 2, "no"), *rows(3, 3, "a")], WriteMode.APPEND))
    assert destination.staged == 1
    assert read(destination, "id") == [(1,), (3,)]


@pytest.mark.parametrize("kind", ["varchar(3)", "word", "real", "numeric"])
def test_columns_of_the_users_types_get_their_values_the_long_way(
    destination: Watched, sql: Sql, loads: Loads, kind: str
) -> None:
    sql(f"create domain word as text; create table people (id bigint primary key, v {kind})")
    number = kind in ("real", "numeric")
    shape = pa.schema([("id", pa.int64()), ("v", pa.float64() if number else pa.string())])
    values: list[Any] = [1.5, -2.25] if number else ['"abcdef"', "12"]
    data = [{"id": n, "v": value} for n, value in enumerate(values)]
    assert put(destination, loads(data, shape=shape)).inserted == 2
    assert destination.staged == 1
    assert sql("select v::text from people order by id") == [(str(value),) for value in values]


def test_readers_see_none_or_all_of_a_load(
    destination: Watched, sql: Sql, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(
        "penstock.sdk.sql.destination.hit",
        lambda name: (
            seen.append(sql("select count(*) from people")[0][0])
            if name == "load.before_commit"
            else None
        ),
    )
    put(destination, loads(rows(1, 500, "a")))
    put(destination, loads(rows(501, 900, "a")))
    assert seen == [0, 500]
    assert destination.staged == 0


def test_two_jobs_that_bring_one_new_key(
    destination: Watched, postgres_url: str, loads: Loads
) -> None:
    """What the other committed meanwhile is found by the index, and compared."""
    put(destination, loads(rows(1, 1, "a")))
    with closing(Postgres(Config.model_validate({"url": postgres_url}))) as another:
        put(another, loads(rows(2, 2, "later", at=300), pipeline="b"))
    receipt = put(destination, loads(rows(2, 3, "earlier", at=200)))
    assert (receipt.inserted, receipt.unchanged, destination.staged) == (1, 1, 1)
    assert read(destination, "id", "v") == [(1, "a"), (2, "later"), (3, "earlier")]
