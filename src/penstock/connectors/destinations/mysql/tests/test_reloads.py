"""A full reload is shown at once, also when it is broken off at any point."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from maria import MariaServer
from penstock.connectors.destinations.mysql import publish
from penstock.connectors.destinations.mysql.config import Config
from penstock.connectors.destinations.mysql.destination import MySql
from penstock.core.load import TableLoad
from penstock.sdk.conformance.kit import Loads, read

pytestmark = pytest.mark.mysql

Sql = Callable[[str], list[Any]]


class _Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def opened(maria_url: str) -> Iterator[Callable[[], MySql]]:
    made: list[MySql] = []

    def one_more() -> MySql:
        made.append(MySql(Config.model_validate({"url": maria_url})))
        return made[-1]

    yield one_more
    for destination in made:
        destination.close()


@pytest.fixture
def sql(maria_server: MariaServer, maria_url: str) -> Iterator[Sql]:
    with closing(maria_server.connect(maria_url.rpartition("/")[2])) as connection:

        def run(text: str) -> list[Any]:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return list(cursor.fetchall())

        yield run


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def put(destination: MySql, load: TableLoad) -> None:
    destination.evolve(
        load.table, load.schema, load.key, mode=load.mode, generation=load.generation
    )
    destination.load(load)


def old_and_new(destination: MySql, loads: Loads) -> None:
    put(destination, loads([{"id": n, "v": "old"} for n in (1, 2)]))
    put(destination, loads([{"id": n, "v": "new", "at": 200} for n in (2, 3)], generation=1))


@pytest.mark.parametrize("again", ["publish", "load"])
@pytest.mark.parametrize(
    ("place", "added"),
    [
        pytest.param("put_in_place", False, id="before the rename"),
        pytest.param("drop_old", False, id="after the rename"),
        pytest.param("refill", True, id="with a user's trigger"),
    ],
)
def test_a_reload_that_was_broken_off_is_shown_whole(
    opened: Callable[[], MySql],
    sql: Sql,
    loads: Loads,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    added: bool,
    again: str,
) -> None:
    destination = opened()
    old_and_new(destination, loads)
    if added:
        sql("create trigger t before insert on people for each row set new.v = upper(new.v)")

    def killed(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as patched:
        patched.setattr(publish, place, killed)
        with pytest.raises(_Killed):
            destination.publish("people", 1)
    later = opened()
    if again == "publish":
        later.publish("people", 1)
    else:
        # A package of the same generation, which has its rows where readers see them.
        put(later, loads([{"id": 4, "v": "late", "at": 300}], generation=1))
        later.publish("people", 1)
    late = [(4, "LATE" if added else "late")] if again == "load" else []
    new = "NEW" if added else "new"
    assert read(later, "id", "v") == [(2, new), (3, new), *late]
    left = sql("select table_name from information_schema.tables where table_schema = database()")
    assert {name for (name,) in left} == {"people", "_ps_loads", "_ps_tables"}


def test_after_a_failure_the_same_job_goes_on(
    opened: Callable[[], MySql], sql: Sql, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination = opened()
    old_and_new(destination, loads)

    def killed(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as patched:
        patched.setattr(publish, "put_in_place", killed)
        with pytest.raises(_Killed):
            destination.publish("people", 1)
    put(destination, loads([{"id": 4, "v": "late", "at": 300}], generation=1))
    assert read(destination, "id", "v") == [(2, "new"), (3, "new"), (4, "late")]


@pytest.mark.parametrize(
    "addition",
    [
        "create index mine on people (v(9))",
        "alter table people add column mine int default 7",
        "alter table people comment 'ours since 2020'",
        "create trigger t before insert on people for each row set new.v = new.v",
        "create table child (id bigint, foreign key (id) references people (id))",
    ],
)
def test_what_hangs_on_the_table_stays(
    opened: Callable[[], MySql], sql: Sql, loads: Loads, addition: str
) -> None:
    destination = opened()
    put(destination, loads([{"id": n, "v": "old"} for n in (1, 2)]))
    sql(addition)
    before = sql("show create table people")[0][1] + str(sql("show triggers"))
    put(destination, loads([{"id": n, "v": "new", "at": 200} for n in (2, 3)], generation=1))
    destination.publish("people", 1)
    assert read(destination, "id", "v") == [(2, "new"), (3, "new")]
    assert sql("show create table people")[0][1] + str(sql("show triggers")) == before


def test_a_reader_never_sees_an_empty_or_half_table(
    opened: Callable[[], MySql], maria_server: MariaServer, maria_url: str, loads: Loads
) -> None:
    destination = opened()
    rows = 400
    put(destination, loads([{"id": n, "v": "0"} for n in range(rows)]))
    done, seen = threading.Event(), list[Any]()

    def look() -> None:
        with closing(maria_server.connect(maria_url.rpartition("/")[2])) as connection:
            while not done.is_set():
                with connection.cursor() as cursor:
                    cursor.execute("select count(*), min(v), max(v) from people")
                    seen.append(cursor.fetchall()[0])

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for generation in range(1, 11):
            for half in (range(rows // 2), range(rows // 2, rows)):
                new = [{"id": n, "v": f"{generation}", "at": 200} for n in half]
                put(destination, loads(new, generation=generation))
            destination.publish("people", generation)
    finally:
        done.set()
        reader.join()
    assert len(seen) > 20
    assert [state for state in seen if state[0] != rows or state[1] != state[2]] == []
