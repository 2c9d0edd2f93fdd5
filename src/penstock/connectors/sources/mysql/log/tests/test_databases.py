"""Several databases in one source: names of objects, and where rows come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from maria import MariaServer
from tables import Tables

pytestmark = pytest.mark.mysql


@pytest.fixture
def shops(logging_server: MariaServer) -> Iterator[tuple[str, Any]]:
    """The start of the names of two databases, and a cursor."""
    name = f"t{uuid4().hex}"
    with closing(logging_server.connect()) as session, session.cursor() as cursor:
        for place in ("north", "south"):
            cursor.execute(f"create database {name}_{place}")
            cursor.execute(f"create table {name}_{place}.orders (id int primary key, v text)")
            cursor.execute(f"insert into {name}_{place}.orders values (1, '{place}'), (2, 'two')")
        yield name, cursor
        for place in ("north", "south"):
            cursor.execute(f"drop database {name}_{place}")


@pytest.mark.parametrize("mode", ["TABLE", "LOG_BASED"])
@pytest.mark.parametrize("named", ["list", "pattern"])
def test_rows_say_which_database_they_are_from(
    logging_server: MariaServer, shops: tuple[str, Any], tmp_path: Path, mode: str, named: str
) -> None:
    name, cursor = shops
    wanted = f"{name}_north, {name}_south" if named == "list" else f"{name}_*"
    source = {"type": "mysql", "url": logging_server.url, "mode": mode, "database": wanted}
    apart = Tables(tmp_path, source)
    if named == "list":
        assert apart.read() == {f"{name}_north.orders": 2, f"{name}_south.orders": 2}
        query = f"select _ps_database, v from {name}_south_orders where id = 1"
        assert apart.rows(query) == [(f"{name}_south", "south")]
        return
    apart.source = {**source, "merge_tables": True}
    assert apart.read() == {"orders": 4}
    cursor.execute(f"update {name}_north.orders set v = 'new' where id = 2")
    apart.run()
    assert apart.rows("select _ps_database, id, v from orders order by 1, 2") == [
        (f"{name}_north", 1, "north"), (f"{name}_north", 2, "new"),
        (f"{name}_south", 1, "south"), (f"{name}_south", 2, "two"),
    ]  # fmt: skip
