"""How much memory a load may use, and what happens when it needs more."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from penstock.connectors.destinations.duckdb.config import Config
from penstock.connectors.destinations.duckdb.destination import DuckDb
from penstock.core.errors import ConfigError, NoRoom
from penstock.core.load import TableLoad
from penstock.sdk.conformance.kit import Loads

TOO_LITTLE = 8_000_000
# A column takes a block of 256 KiB while it is written: more than 8 MB in all.
SHAPE = pa.schema([("id", pa.int64()), *((f"c{n}", pa.string()) for n in range(60))])
WIDE = [{"id": number, **{f"c{n}": f"{number}" for n in range(60)}} for number in range(100)]


@pytest.fixture
def wide(tmp_path: Path) -> TableLoad:
    (tmp_path / "loads").mkdir()
    return Loads(tmp_path / "loads")(WIDE, shape=SHAPE)


def put(destination: DuckDb, load: TableLoad) -> int:
    destination.evolve(load.table, load.schema, load.key, mode=load.mode)
    return destination.load(load).rows


def test_a_load_that_needs_more_than_its_share_gets_it(tmp_path: Path, wide: TableLoad) -> None:
    with closing(DuckDb(Config(path=tmp_path / "w.duckdb"))) as destination:
        destination.limit_memory(TOO_LITTLE)
        assert put(destination, wide) == len(WIDE)
        assert destination._file.memory_bytes is not None
        assert destination._file.memory_bytes > TOO_LITTLE


def test_a_limit_of_the_user_holds(tmp_path: Path, wide: TableLoad) -> None:
    config = Config(path=tmp_path / "w.duckdb", memory_limit="8MB")
    with closing(DuckDb(config)) as destination:
        destination.limit_memory(1_000_000_000)
        with pytest.raises(ConfigError) as raised:
            put(destination, wide)
    assert raised.value.code == "destination.memory"
    assert "memory_limit" in (raised.value.hint or "")


LARGE = 20_000_000


def test_a_row_that_needs_more_than_the_limit_is_found(tmp_path: Path) -> None:
    rows = [{"id": n, "v": "x" * LARGE if n == 7 else f"{n}"} for n in range(10)]
    loads = Loads(tmp_path)
    load = loads(rows)
    config = Config(path=tmp_path / "w.duckdb", memory_limit="50MB")
    with closing(DuckDb(config)) as destination:
        with pytest.raises(NoRoom):
            put(destination, load)
        [refused] = destination.refused(load)
        assert (refused.index, refused.code) == (7, "VALUE_TOO_LONG")
        assert "20 MB" in refused.reason
        assert put(destination, loads([row for row in rows if row["id"] != 7])) == 9


def test_small_rows_are_not_to_blame(tmp_path: Path, wide: TableLoad) -> None:
    config = Config(path=tmp_path / "w.duckdb", memory_limit="8MB")
    with closing(DuckDb(config)) as destination, pytest.raises(NoRoom):
        destination.refused(wide)


@pytest.mark.parametrize("name", ["memory.duckdb", "temp.db", "odd \"name's.duckdb", "w.x.duckdb"])
def test_any_file_name_will_do(tmp_path: Path, wide: TableLoad, name: str) -> None:
    path = tmp_path / name
    with closing(DuckDb(Config(path=path))) as destination:
        assert put(destination, wide) == len(WIDE)
    with duckdb.connect(str(path)) as connection:
        table = f'"{wide.table}"'
        found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert found == (len(WIDE),)
