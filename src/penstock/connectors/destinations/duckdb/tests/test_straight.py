"""Rows of new keys go into their table without a join, and keys that may be stored never do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from penstock.connectors.destinations.duckdb.config import Config
from penstock.connectors.destinations.duckdb.destination import DuckDb
from penstock.connectors.destinations.duckdb.straight import new_rows
from penstock.core.errors import DataError
from penstock.core.load import Receipt, TableLoad
from penstock.sdk.conformance.kit import Loads, read

BASE = 41_000_000
SHAPE = pa.schema([("id", pa.int64()), ("v", pa.string())])


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    (tmp_path / "loads").mkdir()
    return Loads(tmp_path / "loads")


@pytest.fixture
def destination(tmp_path: Path) -> Iterator[DuckDb]:
    with closing(DuckDb(Config(path=tmp_path / "w.duckdb"))) as opened:
        opened.limit_memory(BASE)
        yield opened


def rows(keys: Sequence[int], v: str = "a") -> list[dict[str, Any]]:
    return [{"id": key, "v": v} for key in keys]


def put(destination: DuckDb, load: TableLoad) -> Receipt:
    destination.evolve(load.table, load.schema, load.key, mode=load.mode)
    return destination.load(load)


def setting(destination: DuckDb, name: str) -> str:
    return str(destination.query(f"SELECT current_setting('{name}') AS s")["s"][0].as_py())


def is_straight(destination: DuckDb, load: TableLoad) -> bool:
    with destination.looking() as tx:
        assert tx is not None
        existing = destination.columns(tx, load.table)
        assert existing is not None
        with destination.rows_of(tx, load, existing) as source:
            return new_rows(tx, destination._target(load, load.table, source, existing)) is not None


LOW, HIGH = range(1, 500), range(9_000, 9_500)


@pytest.mark.parametrize(
    ("keys", "straight"),
    [
        ([9_500, 9_501], True),
        ([-(2**63), 2**63 - 1], False),  # around all that is stored: too wide to look closer
        ([600, 8_000], True),
        ([0, 600, 8_999, 9_500], True),  # in parts that were read at once
        ([0, 499, 9_500], False),
        ([499], False),
        ([9_499, 9_500], False),
    ],
)
def test_keys_where_none_is_stored_are_told(
    destination: DuckDb, loads: Loads, keys: list[int], straight: bool
) -> None:
    put(destination, loads(rows([*LOW, *HIGH]), shape=SHAPE))
    assert is_straight(destination, loads(rows(keys, "b"), shape=SHAPE)) is straight


def test_keys_that_are_stored_are_merged(destination: DuckDb, loads: Loads) -> None:
    assert put(destination, loads(rows([*LOW, *HIGH]), shape=SHAPE)).inserted == 999
    between = put(destination, loads(rows(range(600, 700)), shape=SHAPE))
    mixed = put(destination, loads(rows([1, 650, 700, 9_499, 9_600], "b"), shape=SHAPE))
    assert (between.inserted, between.updated) == (100, 0)
    assert (mixed.inserted, mixed.updated) == (2, 3)
    found = read(destination, "id", "v")
    keys = [*LOW, *range(600, 701), *HIGH, 9_600]
    changed = {1, 650, 700, 9_499, 9_600}
    assert found == [(key, "b" if key in changed else "a") for key in keys]


def test_keys_of_text_are_compared_row_by_row(destination: DuckDb, loads: Loads) -> None:
    shape = pa.schema([("id", pa.string()), ("v", pa.string())])
    first = [{"id": f"k{n}", "v": "a"} for n in range(10)]
    assert put(destination, loads(first, shape=shape)).inserted == 10
    load = loads([{"id": "k9", "v": "b"}, {"id": "z", "v": "b"}], shape=shape)
    assert not is_straight(destination, load)
    receipt = put(destination, load)
    assert (receipt.inserted, receipt.updated) == (1, 1)


def test_memory_beyond_the_share_is_given_back(destination: DuckDb, loads: Loads) -> None:
    seen = []
    load = loads(rows(range(100)), shape=SHAPE)
    destination.evolve(load.table, load.schema, load.key, mode=load.mode)
    with destination.transaction() as tx:
        destination.apply_in(tx, load)
        seen += tx.rows("SELECT current_setting('memory_limit')")
    destination._file.gather()
    before = setting(destination, "memory_limit")
    assert seen != [(before,)]
    put(destination, loads(rows(range(100, 200)), shape=SHAPE))
    assert setting(destination, "memory_limit") == before == "39.1 MiB"


def test_wide_rows_keep_to_their_share(destination: DuckDb, loads: Loads) -> None:
    load = loads([{"id": n, "v": "x" * 1_000 + str(n)} for n in range(100)], shape=SHAPE)
    destination.evolve(load.table, load.schema, load.key, mode=load.mode)
    with destination.transaction() as tx:
        destination.apply_in(tx, load)
        assert tx.rows("SELECT current_setting('memory_limit')") == [("39.1 MiB",)]


def test_groups_are_put_together_once_a_row_was_replaced(destination: DuckDb, loads: Loads) -> None:
    first, again, new = (
        loads(rows(keys, v), shape=SHAPE)
        for keys, v in [(range(100), "a"), (range(50), "b"), (range(100, 150), "a")]
    )
    destination.evolve(first.table, first.schema, first.key, mode=first.mode)
    tasks = []
    with destination.transaction() as tx:
        for load in (first, again, new):
            destination.apply_in(tx, load)
            tasks += tx.rows("SELECT current_setting('max_vacuum_tasks')")
    assert tasks == [(0,), (100,), (100,)]


def test_a_key_without_a_value_is_refused(destination: DuckDb, loads: Loads) -> None:
    load = loads([{"id": 1, "v": "a"}], shape=SHAPE)
    put(destination, load)
    empty = loads([{"id": 5, "v": "a"}, {"id": None, "v": "b"}], shape=SHAPE)
    with pytest.raises(DataError) as raised:
        put(destination, empty)
    assert raised.value.code == "NULL_IN_PRIMARY_KEY"
