"""A comparison that is to stop while a statement runs ends soon, with `Interrupted`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from maria import MariaServer, maria_server, maria_url
from penstock.core.errors import Interrupted
from penstock.worker.verify import VerifyOptions, verify
from servers import postgres_server, postgres_url
from tables import PIPELINE, Tables
from verified import opened

__all__ = ["maria_server", "maria_url", "postgres_server", "postgres_url"]
Held = Callable[[], int]
_WAITING = "select count(*) from pg_locks where not granted"
_WAITING_MARIA = (
    "select count(*) from information_schema.processlist where state like 'Waiting for table%'"
)


@contextmanager
def _postgres_held(url: str, table: str) -> Iterator[Held]:
    """The table is locked; how many statements wait for it."""
    with (
        closing(psycopg.connect(url)) as holder,
        closing(psycopg.connect(url, autocommit=True)) as watcher,
    ):
        holder.execute(f"lock table {table} in access exclusive mode".encode())

        def waiting() -> int:
            row = watcher.execute(_WAITING.encode()).fetchone()
            assert row is not None
            return int(row[0])

        yield waiting


@contextmanager
def _maria_held(server: MariaServer, database: str) -> Iterator[Held]:
    with closing(server.connect(database)) as holder, closing(server.connect()) as watcher:
        with holder.cursor() as cursor:
            cursor.execute("lock tables orders write")

        def waiting() -> int:
            with watcher.cursor() as cursor:
                cursor.execute(_WAITING_MARIA)
                (row,) = cursor.fetchall()
                return int(row[0])

        yield waiting


def _ends(tables: Tables, waiting: Held) -> None:
    """Compare, and stop once a statement waits."""
    cancel, errors = threading.Event(), []

    def compare() -> None:
        try:
            list(verify(opened(tables), PIPELINE, VerifyOptions(wait_s=0), cancel))
        except Interrupted as error:
            errors.append(error)

    thread = threading.Thread(target=compare, daemon=True)
    thread.start()
    while not waiting():
        assert thread.is_alive()
    cancel.set()
    thread.join(60)
    assert not thread.is_alive()
    assert len(errors) == 1
    assert waiting() == 0


@pytest.mark.postgres
@pytest.mark.parametrize("end", ["public", "copied"])
def test_of_postgres(postgres_url: str, tmp_path: Path, end: str) -> None:
    with closing(psycopg.connect(postgres_url, autocommit=True)) as sql:
        sql.execute("create table orders (id int primary key, v text)")
        sql.execute("insert into orders select n, 'v' from generate_series(1, 100) n")
    source = {"type": "postgres", "url": postgres_url, "schema": "public"}
    place = {"type": "postgres", "url": postgres_url, "schema": "copied"}
    tables = Tables(tmp_path, source, destination=place)
    tables.run()
    with _postgres_held(postgres_url, f"{end}.orders") as waiting:
        _ends(tables, waiting)


@pytest.mark.mysql
@pytest.mark.parametrize("end", ["source", "destination"])
def test_of_maria(maria_server: MariaServer, maria_url: str, tmp_path: Path, end: str) -> None:
    name = maria_url.rpartition("/")[2]
    with closing(maria_server.connect(name)) as sql, sql.cursor() as cursor:
        cursor.execute(f"create database {name}_copy")
        cursor.execute("create table orders (id int primary key, v text)")
        cursor.execute("insert into orders select seq, 'v' from seq_1_to_100")
    source = {"type": "mysql", "url": maria_url}
    place = {"type": "mysql", "url": f"{maria_url}_copy"}
    tables = Tables(tmp_path, source, destination=place)
    tables.run()
    with _maria_held(maria_server, name if end == "source" else f"{name}_copy") as waiting:
        _ends(tables, waiting)
