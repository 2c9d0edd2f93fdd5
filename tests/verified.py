"""Comparisons of copies that a test touches behind Penstock's back."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb
import psycopg
import pymysql
import pytest

from penstock.cli.settings import settings_model
from penstock.control.workspace import Workspace
from penstock.core.progress import Progress
from penstock.core.registry import Registry
from penstock.engine.verify.result import ObjectResult
from penstock.worker.jobs import run_pipeline
from penstock.worker.options import RunOptions
from penstock.worker.verify import VerifyOptions, repairs, verify
from tables import PIPELINE, Tables


@pytest.fixture(params=["duckdb", "postgres", pytest.param("mysql", marks=pytest.mark.mysql)])
def tables(request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path) -> Tables:
    """Schema `public` of the test's database, copied to where each case says."""
    place = {"type": "duckdb", "path": "out.duckdb"}
    if request.param == "postgres":
        place = {"type": "postgres", "url": postgres_url, "schema": "copied"}
    elif request.param == "mysql":
        place = {"type": "mysql", "url": request.getfixturevalue("maria_url")}
    source = {"type": "postgres", "url": postgres_url, "schema": "public"}
    return Tables(tmp_path, source, destination=place)


def change(tables: Tables, statement: str) -> None:
    """Touch the copy."""
    assert tables.destination is not None
    if tables.destination["type"] == "duckdb":
        with duckdb.connect(str(tables.root / "out.duckdb")) as connection:
            connection.execute(statement)
        return
    if tables.destination["type"] == "mysql":
        with closing(_maria(tables.destination["url"])) as session, session.cursor() as cursor:
            cursor.execute(statement)
            session.commit()
        return
    with psycopg.connect(tables.destination["url"], autocommit=True) as connection:
        connection.execute("set search_path = copied")
        connection.execute(statement.encode())


def rows_of(tables: Tables, query: str) -> list[tuple[Any, ...]]:
    """Rows of the copy, wherever it is."""
    assert tables.destination is not None
    if tables.destination["type"] == "duckdb":
        return tables.rows(query)
    if tables.destination["type"] == "mysql":
        with closing(_maria(tables.destination["url"])) as session, session.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())
    with psycopg.connect(tables.destination["url"], autocommit=True) as connection:
        connection.execute("set search_path = copied")
        return connection.execute(query.encode()).fetchall()


def _maria(url: str) -> pymysql.Connection[Any]:
    place = urlsplit(url)
    return pymysql.connect(
        host=place.hostname, port=place.port or 0, user=unquote(place.username or ""),
        password=unquote(place.password or ""), database=place.path[1:], charset="utf8mb4",
    )  # fmt: skip


def opened(tables: Tables) -> Workspace:
    return Workspace.open(
        tables.root, registry=Registry.scan(), model_of=settings_model, environ={}
    )


def compared(tables: Tables, **options: Any) -> dict[str, ObjectResult]:
    """Results by object; keys that differ are looked at again at once."""
    told = VerifyOptions(**{"wait_s": 0.0, **options})
    results = verify(opened(tables), PIPELINE, told, threading.Event())
    return {item.object: item for item in results}


class Quiet:
    """Nobody looks on."""

    def progress(self, snapshot: Progress) -> None: ...

    def message(self, level: str, text: str) -> None: ...


def repaired(tables: Tables) -> Any:
    """A comparison, and the job that mends what it found; its summary."""
    workspace = opened(tables)
    wanted = repairs(workspace, PIPELINE, compared(tables).values())
    job = RunOptions(objects=tuple(wanted), repair=wanted)
    return run_pipeline(workspace, PIPELINE, job, Quiet(), threading.Event())
