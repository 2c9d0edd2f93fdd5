"""A server that keeps a log of rows, and one fresh database of it for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from maria import BINLOG, MariaServer
from tables import Tables


def logging(*, durable: bool = False) -> MariaServer:
    """A server with a log of rows."""
    settings: dict[str, Any] = dict(BINLOG)
    return MariaServer(durable=durable, **settings)


@pytest.fixture(scope="session")
def logging_server() -> Iterator[MariaServer]:
    """Do not stop it."""
    with logging() as server:
        yield server


@pytest.fixture
def log_url(logging_server: MariaServer) -> Iterator[str]:
    name = f"t{uuid4().hex}"
    with closing(logging_server.connect()) as session, session.cursor() as cursor:
        cursor.execute(f"create database {name}")
        yield logging_server.url_of(name)
        cursor.execute(f"drop database {name}")


@pytest.fixture
def sql(logging_server: MariaServer, log_url: str) -> Iterator[Callable[[str], None]]:
    """Runs statements, with semicolons between them, as the owner of the test's database."""
    with closing(logging_server.connect(log_url.rpartition("/")[2])) as session:

        def run(statements: str) -> None:
            with session.cursor() as cursor:
                for statement in filter(str.strip, statements.split(";")):
                    cursor.execute(statement)

        yield run


@pytest.fixture
def tables(log_url: str, tmp_path: Path) -> Tables:
    """A workspace that follows the test's database into DuckDB."""
    return Tables(tmp_path, {"type": "mysql", "url": log_url, "mode": "log_based"})
