"""Fixtures of every test below this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from maria import MariaServer, maria_server, maria_url
from tables import Tables

__all__ = ["maria_server", "maria_url"]
Sql = Callable[[str], None]


@pytest.fixture
def sql(maria_server: MariaServer, maria_url: str) -> Iterator[Sql]:
    """Runs statements, with semicolons between them, as the owner of the test's database."""
    with closing(maria_server.connect(maria_url.rpartition("/")[2])) as session:

        def run(statements: str) -> None:
            with session.cursor() as cursor:
                for statement in filter(str.strip, statements.split(";")):
                    cursor.execute(statement)

        yield run


@pytest.fixture
def tables(maria_url: str, tmp_path: Path) -> Tables:
    """A workspace that reads the test's database into DuckDB."""
    return Tables(tmp_path, {"type": "mysql", "url": maria_url})
