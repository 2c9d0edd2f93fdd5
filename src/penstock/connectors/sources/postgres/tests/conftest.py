"""Fixtures of every test below this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from servers import postgres_server, postgres_url
from tables import Tables

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture
def sql(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of the source's owner, in autocommit."""
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
        yield connection


@pytest.fixture
def tables(postgres_url: str, tmp_path: Path) -> Tables:
    """A workspace that reads the test's database into DuckDB."""
    return Tables(tmp_path, {"type": "postgres", "url": postgres_url})
