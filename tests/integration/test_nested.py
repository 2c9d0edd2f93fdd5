"""Nested data of a real database: tables of arrays, and what becomes of rows that are gone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from penstock.cli.context import open_workspace
from penstock.engine.verify.result import Status
from penstock.worker.preview import preview
from penstock.worker.verify import VerifyOptions, verify
from servers import PostgresServer
from tables import PIPELINE, Tables

pytestmark = pytest.mark.postgres

Put = Callable[..., None]
DOC = {
    "street": "1 Main St",
    "geo": {"lat": 18.52},
    "tags": ["hq", "north"],
    "contacts": [{"name": "Ana", "phones": ["111", "222"]}, {"name": "Raj", "phones": []}],
}
SPLIT = {"json_strategy": "FLATTEN_SPLIT"}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer(wal_level="logical") as server:
        yield server


@pytest.fixture
def session(server: PostgresServer) -> Iterator[psycopg.Connection]:
    """A fresh database with the table `orgs`."""
    name = f"t{uuid4().hex}"
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"create database {name}".encode())
    with psycopg.connect(server.url_of(name), autocommit=True) as session:
        session.execute("create table orgs (id text primary key, n int, doc json, big text)")
        session.execute("alter table orgs alter column doc set storage external")
        yield session


def put(session: psycopg.Connection, key: str, doc: Any) -> None:
    session.execute(
        "insert into orgs (id, n, doc) values (%s, 1, %s) "
        "on conflict (id) do update set doc = excluded.doc",
        (key, json.dumps(doc)),
    )


def space(
    session: psycopg.Connection, root: Path, pipeline: dict[str, Any], **source: Any
) -> Tables:
    info = session.info
    url = f"postgresql://{info.user}@{info.host}:{info.port}/{info.dbname}"
    return Tables(
        root, {"type": "postgres", "url": url, "password": info.password, **source}, pipeline
    )


def live(tables: Tables, table: str, columns: str) -> list[tuple[Any, ...]]:
    """Rows that are not flagged."""
    return tables.rows(f"select {columns} from {table} where _ps_deleted is not true order by all")


def test_arrays_get_tables_of_their_own(session: psycopg.Connection, tmp_path: Path) -> None:
    tables = space(session, tmp_path, SPLIT)
    put(session, "a", DOC)
    put(session, "b", {})
    summary = tables.run()
    assert (summary.totals.read, summary.totals.created, summary.totals.loaded) == (2, 6, 8)
    assert tables.rows("select id, n, doc_street, doc_geo_lat from orgs order by id") == [
        ("a", 1, "1 Main St", 18.52), ("b", 1, None, None),
    ]  # fmt: skip
    key = "_ps_ref_id, _ps_array_index"
    assert live(tables, "orgs_doc_tags", f"{key}, value") == [("a", "0", "hq"), ("a", "1", "north")]
    assert live(tables, "orgs_doc_contacts", f"{key}, name") == [
        ("a", "0", "Ana"), ("a", "1", "Raj"),
    ]  # fmt: skip
    assert live(tables, "orgs_doc_contacts_phones", f"{key}, value") == [
        ("a", "0.0", "111"), ("a", "0.1", "222"),
    ]  # fmt: skip


def test_children_go_with_their_arrays(session: psycopg.Connection, tmp_path: Path) -> None:
    tables = space(session, tmp_path, SPLIT)
    put(session, "a", DOC)
    put(session, "b", {"tags": ["x", "y"]})
    tables.run()
    put(session, "a", {"tags": ["hq"], "contacts": []})
    assert tables.run().totals.flagged == 5
    assert live(tables, "orgs_doc_tags", "_ps_ref_id, value") == [
        ("a", "hq"), ("b", "x"), ("b", "y"),
    ]  # fmt: skip
    assert live(tables, "orgs_doc_contacts", "*") == []
    assert live(tables, "orgs_doc_contacts_phones", "*") == []
    put(session, "a", {"tags": ["hq", "back"]})
    tables.run()
    assert ("a", "back") in live(tables, "orgs_doc_tags", "_ps_ref_id, value")


def test_a_log_tells_of_arrays_too(session: psycopg.Connection, tmp_path: Path) -> None:
    """Several versions of a row in one package, a value that is left out, and a delete."""
    tables = space(session, tmp_path, SPLIT, mode="LOG_BASED")
    long = ["x" * 3_000, "y" * 3_000]
    put(session, "a", {"tags": ["1", "2", "3"]})
    put(session, "b", {"tags": ["4", "5"]})
    put(session, "c", {"tags": long})
    tables.run()
    put(session, "a", {"tags": ["1", "2", "3", "4"]})
    put(session, "a", {"tags": ["new", "2"]})
    session.execute("delete from orgs where id = 'b'")
    # The log leaves out the long value, which did not change.
    session.execute("update orgs set n = 2 where id = 'c'")
    tables.run()
    assert live(tables, "orgs_doc_tags", "_ps_ref_id, value") == [
        ("a", "2"), ("a", "new"), ("c", long[0]), ("c", long[1]),
    ]  # fmt: skip
    assert tables.rows("select id, n from orgs where not _ps_deleted order by id") == [
        ("a", 1), ("c", 2),
    ]  # fmt: skip


def test_json_as_text(session: psycopg.Connection, tmp_path: Path) -> None:
    tables = space(session, tmp_path, {"json_strategy": "JSON_STRINGS"})
    session.execute("insert into orgs (id, doc) values ('a', '{\"b\": 1.50, \"a\": [1, 2]}')")
    tables.run()
    assert tables.rows("select doc, typeof(doc) from orgs") == [('{"b":1.50,"a":[1,2]}', "VARCHAR")]


def test_preview_and_verify_know_that_data_is_taken_apart(
    session: psycopg.Connection, tmp_path: Path
) -> None:
    put(session, "o1", DOC)
    tables = space(session, tmp_path, SPLIT)
    tables.run()
    workspace = open_workspace(str(tmp_path))
    shown = preview(workspace, PIPELINE, "orgs", 10)
    assert shown["orgs_doc_tags"].column("value").to_pylist() == ["hq", "north"]
    (result,) = verify(workspace, PIPELINE, VerifyOptions(), threading.Event())
    assert result.status is Status.NOT_COMPARED
    assert any("taken apart" in note for note in result.notes)
