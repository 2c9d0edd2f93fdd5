"""Merge and append: what becomes of rows that meet rows (pipelines.md 4.2 and 4.4)."""

from __future__ import annotations

import pyarrow as pa
import pytest

from penstock.core import metadata
from penstock.core.batch import Hint
from penstock.core.errors import ConfigError, DataError
from penstock.core.load import Receipt, Sweep, WriteMode
from penstock.sdk.conformance.kit import Loads, Row, Suite, read
from penstock.sdk.sql import SqlDestination

ALL = ("id", "v", "_ps_deleted", "_ps_ingested_at", "_ps_loaded_at")


def counts(receipt: Receipt) -> tuple[int, int, int, int]:
    return receipt.inserted, receipt.updated, receipt.deleted, receipt.unchanged


class Merging(Suite):
    """Tests of the modes merge and append."""

    @pytest.fixture
    def merging(self, destination: SqlDestination) -> SqlDestination:
        self.needs(destination, WriteMode.MERGE)
        return destination

    @pytest.mark.parametrize("mode", list(WriteMode))
    def test_a_mode_is_kept_or_refused(
        self, destination: SqlDestination, loads: Loads, mode: WriteMode
    ) -> None:
        load = loads([{"id": 1, "v": "a"}], mode)
        if mode in destination.capabilities.modes:
            assert self.put(destination, load).rows == 1
            assert read(destination, "id", "v") == [(1, "a")]
            return
        with pytest.raises(ConfigError) as raised:
            destination.load(load)
        assert raised.value.code == "config.mode"

    def test_the_worked_example(self, merging: SqlDestination, loads: Loads) -> None:
        before = [
            {"id": 1, "v": "old", "at": 100},
            {"id": 2, "v": "keep", "at": 300},
            {"id": 4, "v": "x", "at": 50},
        ]
        self.put(merging, loads(before, loaded_at=1))
        # Steps 1 to 4 of the algorithm are the engine's: one row per key comes here.
        staged = [
            {"id": 1, "v": "b", "at": 200, "seq": 11},
            {"id": 2, "v": "stale", "at": 250, "seq": 20},
            {"id": 3, "v": "new", "at": 210, "seq": 12},
            {"id": 4, "op": "D", "at": 220, "seq": 13},
            {"id": 5, "op": "D", "at": 231, "seq": 15},
        ]
        receipt = self.put(merging, loads(staged))
        assert read(merging, *ALL) == [
            (1, "b", False, 200, 999),
            (2, "keep", False, 300, 1),
            (3, "new", False, 210, 999),
            (4, "x", True, 220, 999),
            (5, None, True, 231, 999),
        ]
        assert counts(receipt) == (1, 1, 2, 1)

    def test_of_equal_times_the_later_load_wins(
        self, merging: SqlDestination, loads: Loads
    ) -> None:
        self.put(merging, loads([{"id": 1, "v": "a", "at": 100}]))
        self.put(merging, loads([{"id": 1, "v": "b", "at": 100}]))
        assert read(merging, "id", "v") == [(1, "b")]

    def test_equal_rows_are_not_written_again(self, merging: SqlDestination, loads: Loads) -> None:
        rows: list[Row] = [{"id": 1, "v": "a"}, {"id": 2, "v": None}]
        self.put(merging, loads(rows, loaded_at=1))
        receipt = self.put(merging, loads([{**row, "at": 200} for row in rows], loaded_at=2))
        assert counts(receipt) == (0, 0, 0, 2)
        assert read(merging, *ALL) == [(1, "a", False, 100, 1), (2, None, False, 100, 1)]

    def test_null_differs_from_every_value(self, merging: SqlDestination, loads: Loads) -> None:
        self.put(merging, loads([{"id": 1, "v": "a"}, {"id": 2, "v": None}]))
        later: list[Row] = [{"id": 1, "v": None, "at": 200}, {"id": 2, "v": "", "at": 200}]
        assert counts(self.put(merging, loads(later))) == (0, 2, 0, 0)
        assert read(merging, "id", "v") == [(1, None), (2, "")]

    def test_a_delete_keeps_the_last_values_and_a_return_clears_the_flag(
        self, merging: SqlDestination, loads: Loads
    ) -> None:
        self.put(merging, loads([{"id": 1, "v": "a", "at": 100}]))
        gone = [{"id": 1, "op": "D", "at": 200}]
        assert counts(self.put(merging, loads(gone))) == (0, 0, 1, 0)
        assert read(merging, "id", "v", "_ps_deleted") == [(1, "a", True)]
        assert counts(self.put(merging, loads([{"id": 1, "op": "D", "at": 300}]))) == (0, 0, 0, 1)
        assert counts(self.put(merging, loads([{"id": 1, "v": "a", "at": 400}]))) == (0, 1, 0, 0)
        assert read(merging, "id", "v", "_ps_deleted") == [(1, "a", False)]

    def test_a_stale_delete_is_ignored(self, merging: SqlDestination, loads: Loads) -> None:
        self.put(merging, loads([{"id": 1, "v": "a", "at": 300}]))
        assert counts(self.put(merging, loads([{"id": 1, "op": "D", "at": 200}]))) == (0, 0, 0, 1)
        assert read(merging, "v", "_ps_deleted", "_ps_ingested_at") == [("a", False, 300)]

    def test_a_placeholder_is_inserted_and_never_replaces(
        self, merging: SqlDestination, loads: Loads
    ) -> None:
        self.put(merging, loads([{"id": 1, "v": "whole", "at": 100}]))
        partial = [{"id": n, "v": None, "at": 200, "hint": Hint.PLACEHOLDER} for n in (1, 2)]
        assert counts(self.put(merging, loads(partial))) == (1, 0, 0, 1)
        assert read(merging, "id", "v") == [(1, "whole"), (2, None)]

    def test_keys_of_several_columns(self, merging: SqlDestination, loads: Loads) -> None:
        shape = pa.schema([("a", pa.string()), ("b", pa.int32()), ("v", pa.string())])
        rows = [{"a": a, "b": b, "v": f"{a}{b}"} for a in "xy" for b in (1, 2)]
        self.put(merging, loads(rows, shape=shape, key=("a", "b")))
        later = [{"a": "x", "b": 2, "v": "new", "at": 200}, {"a": "z", "b": 1, "v": "z", "at": 200}]
        receipt = self.put(merging, loads(later, shape=shape, key=("a", "b")))
        assert counts(receipt) == (1, 1, 0, 0)
        assert read(merging, "a", "b", "v") == [
            ("x", 1, "x1"), ("x", 2, "new"), ("y", 1, "y1"), ("y", 2, "y2"), ("z", 1, "z"),
        ]  # fmt: skip

    def test_a_table_of_nothing_but_its_key(self, merging: SqlDestination, loads: Loads) -> None:
        shape = pa.schema([("id", pa.int64())])
        self.put(merging, loads([{"id": 1}], shape=shape))
        receipt = self.put(merging, loads([{"id": 1, "at": 200}, {"id": 2}], shape=shape))
        assert counts(receipt) == (1, 0, 0, 1)

    def test_rows_without_deletes_have_no_flag(self, merging: SqlDestination, loads: Loads) -> None:
        self.put(merging, loads([{"id": 1, "v": "a"}], deletes=False))
        receipt = self.put(merging, loads([{"id": 1, "v": "b", "at": 200}], deletes=False))
        assert counts(receipt) == (0, 1, 0, 0)
        described = merging.describe("people")
        assert described is not None
        assert described.names == ["id", "v", "_ps_ingested_at", "_ps_loaded_at"]

    def test_a_null_in_the_key_is_found_and_refused(
        self, merging: SqlDestination, loads: Loads
    ) -> None:
        rows = [{"id": None if n in (7, 30) else n, "v": "x"} for n in range(40)]
        load = loads(rows)
        with pytest.raises(DataError) as raised:
            self.put(merging, load)
        assert raised.value.code == "NULL_IN_PRIMARY_KEY"
        refused = merging.refused(load)
        assert [(item.index, item.code) for item in refused] == [
            (7, "NULL_IN_PRIMARY_KEY"),
            (30, "NULL_IN_PRIMARY_KEY"),
        ]
        assert read(merging, "id") == []

    def test_without_a_key_rows_are_appended(self, merging: SqlDestination, loads: Loads) -> None:
        for _ in range(2):
            self.put(merging, loads([{"id": 1, "v": "a"}], key=()))
        assert read(merging, "id", "v") == [(1, "a"), (1, "a")]

    @pytest.mark.parametrize("mode", list(WriteMode))
    def test_a_generated_key_is_as_good_as_any(
        self, destination: SqlDestination, loads: Loads, mode: WriteMode
    ) -> None:
        self.needs(destination, mode)
        shape = pa.schema([("v", pa.string()), (metadata.ID, pa.string())])
        before = [{"v": v, metadata.ID: v * 64} for v in "abcdefgh"]
        after = [{"v": v, metadata.ID: v * 64, "at": 200} for v in "bcdefghi"]
        file = loads.keys([row[metadata.ID] for row in after], pa.string(), name=metadata.ID)
        sweep = None if mode is WriteMode.APPEND else Sweep((file,), started_at=150, deleted_at=300)
        self.put(destination, loads(before, mode, shape=shape, key=metadata.GENERATED_KEY))
        receipt = self.put(
            destination, loads(after, mode, shape=shape, key=metadata.GENERATED_KEY, sweep=sweep)
        )
        found = [row[0] for row in read(destination, metadata.ID)]
        if mode is WriteMode.APPEND:
            assert (counts(receipt), len(found)) == ((8, 0, 0, 0), 16)
            return
        assert (counts(receipt), receipt.flagged) == ((1, 0, 0, 7), 1)
        assert found == [v * 64 for v in "abcdefghi"]
        gone = metadata.DELETED if mode is WriteMode.MERGE else f"NOT {metadata.IS_ACTIVE}"
        table = destination.qualified("people")
        rows = destination.query(f"SELECT {metadata.ID} FROM {table} WHERE {gone}").to_pylist()
        assert [*rows] == [{metadata.ID: "a" * 64}]

    def test_append_keeps_every_version(self, destination: SqlDestination, loads: Loads) -> None:
        self.needs(destination, WriteMode.APPEND)
        for at in (100, 200):
            receipt = self.put(
                destination, loads([{"id": 1, "v": "a", "at": at}], WriteMode.APPEND)
            )
            assert counts(receipt) == (1, 0, 0, 0)
        assert read(destination, "id", "_ps_ingested_at") == [(1, 100), (1, 200)]

    def test_append_leaves_out_placeholders_of_known_keys(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.APPEND)
        self.put(destination, loads([{"id": 1, "v": "a"}], WriteMode.APPEND))
        partial = [{"id": n, "v": None, "at": 200, "hint": Hint.PLACEHOLDER} for n in (1, 2)]
        for inserted in (1, 0):
            receipt = self.put(destination, loads(partial, WriteMode.APPEND))
            assert counts(receipt) == (inserted, 0, 0, 2 - inserted)
        assert read(destination, "id", "v") == [(1, "a"), (2, None)]

    def test_append_leaves_out_what_an_overlap_read_again(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.APPEND)
        self.put(destination, loads([{"id": 1, "v": "a"}], WriteMode.APPEND))
        again = [{"id": 1, "v": v, "at": 200, "hint": Hint.SEEN} for v in ("a", "b")]
        receipt = self.put(destination, loads(again, WriteMode.APPEND))
        assert counts(receipt) == (1, 0, 0, 1)
        assert read(destination, "id", "v") == [(1, "a"), (1, "b")]
