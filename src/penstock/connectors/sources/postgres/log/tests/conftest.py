"""A server that keeps a logical log, and one fresh database of it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from servers import PostgresServer, postgres_server, postgres_url
from tables import Tables

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(scope="session")
def logical_server() -> Iterator[PostgresServer]:
    """Streams transactions above 64 kB before they end; do not stop it."""
    with PostgresServer(
        wal_level="logical",
        logical_decoding_work_mem="64kB",
        max_replication_slots="30",
        max_wal_senders="30",
    ) as server:
        yield server


@pytest.fixture
def logical_url(logical_server: PostgresServer) -> Iterator[str]:
    name = f"t{uuid4().hex}"
    with closing(psycopg.connect(logical_server.url, autocommit=True)) as connection:
        connection.execute(f"create database {name}".encode())
        yield logical_server.url_of(name)
        drop_slots(connection, name)
        connection.execute(f"drop database {name} with (force)".encode())


def drop_slots(connection: psycopg.Connection[Any], database: str) -> None:
    slots = connection.execute(
        "select slot_name, active_pid from pg_replication_slots where database = %s", [database]
    )
    for slot, pid in slots.fetchall():
        if pid is not None:
            connection.execute("select pg_terminate_backend(%s, 5000)", [pid])
        connection.execute("select pg_drop_replication_slot(%s)", [slot])


@pytest.fixture
def sql(logical_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of the source's owner, in autocommit."""
    with closing(psycopg.connect(logical_url, autocommit=True)) as connection:
        yield connection


@pytest.fixture
def tables(logical_url: str, tmp_path: Path) -> Tables:
    """A workspace that follows the test's database into DuckDB."""
    return Tables(tmp_path, {"type": "postgres", "url": logical_url, "mode": "log_based"})
