"""How much memory a load may use, and what happens when it needs more."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penstock.connectors.destinations.duckdb.config import Config
from penstock.connectors.destinations.duckdb.destination import DuckDb
from penstock.core.errors import ConfigError, NoRoom
from penstock.core.load import TableLoad
from penstock.sdk.conformance.kit import Loads
from penstock.sdk.destination import TableRead

TOO_LITTLE = 8_000_000
LITTLE = 32 << 20
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


def test_reading_back_that_needs_more_than_its_share_gets_it(tmp_path: Path) -> None:
    (tmp_path / "loads").mkdir()
    rows = [{"id": number, "v": "x" * LARGE} for number in range(2)]
    load = Loads(tmp_path / "loads")(rows)
    with closing(DuckDb(Config(path=tmp_path / "w.duckdb"))) as destination:
        assert put(destination, load) == 2
    with closing(DuckDb(Config(path=tmp_path / "w.duckdb"))) as destination:
        destination.limit_memory(TOO_LITTLE)
        found = list(destination.read(TableRead(load.table, ("id", "v"), ("id",))))
        assert sorted(row["id"] for batch in found for row in batch.to_pylist()) == [0, 1]
        assert all(len(row["v"]) == LARGE for batch in found for row in batch.to_pylist())


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


def test_changed_rows_are_compared_in_the_memory_of_a_load(tmp_path: Path) -> None:
    """A join of whole rows holds more than a load that only writes them: it took 64 MiB here."""
    (tmp_path / "loads").mkdir()
    loads = Loads(tmp_path / "loads")
    shape = pa.schema([("id", pa.int64()), *((f"c{n}", pa.string()) for n in range(30))])
    rows = [{"id": n, **{f"c{at}": f"{n:060}" for at in range(30)}} for n in range(8_000)]
    with closing(DuckDb(Config(path=tmp_path / "w.duckdb"))) as destination:
        destination.limit_memory(LITTLE)
        put(destination, in_groups(loads(rows, shape=shape)))
        changed = [{**row, "c0": "changed"} for row in rows]
        receipt = destination.load(in_groups(loads(changed, shape=shape)))
        assert receipt.updated == len(rows)
        assert destination._file.memory_bytes == LITTLE


def in_groups(load: TableLoad) -> TableLoad:
    """The load with files in groups of some MB, as packages have them."""
    for file in load.files:
        pq.write_table(pq.read_table(file), file, row_group_size=2_000, compression="lz4")
    return load


@pytest.mark.parametrize("digits", [18, 19, 38])
def test_numbers_that_hash_alike_are_told_apart(tmp_path: Path, digits: int) -> None:
    """DuckDB gives 0 and -1 of 128 bits the same hash."""
    (tmp_path / "loads").mkdir()
    loads = Loads(tmp_path / "loads")
    shape = pa.schema([("id", pa.int64()), ("n", pa.decimal128(digits, 2))])
    with closing(DuckDb(Config(path=tmp_path / "w.duckdb"))) as destination:
        put(destination, loads([{"id": 1, "n": Decimal("0.00")}], shape=shape))
        changed = destination.load(loads([{"id": 1, "n": Decimal("-0.01")}], shape=shape))
        same = destination.load(loads([{"id": 1, "n": Decimal("-0.01")}], shape=shape))
    assert (changed.updated, same.unchanged) == (1, 1)


@pytest.mark.parametrize(
    ("limit", "wanted", "threads"),
    [(LITTLE, None, 1), (64_000_000, None, 2), (LITTLE, 4, 4), (64_000_000, 1, 1)],
)
def test_threads_follow_from_the_memory_unless_they_are_set(
    tmp_path: Path, limit: int, wanted: int | None, threads: int
) -> None:
    with closing(DuckDb(Config(path=tmp_path / "w.duckdb", threads=wanted))) as destination:
        destination.limit_memory(limit)
        found = destination.query("SELECT current_setting('threads') AS n")
    assert found["n"].to_pylist() == [threads]
