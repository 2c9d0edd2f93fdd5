"""What change logs ask of a destination: values that stay, rows that go, packages as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from penstock.core.errors import DataError
from penstock.core.load import Deletes as Handling
from penstock.core.load import Sweep, WriteMode
from penstock.sdk.conformance.kit import Loads, Suite, read
from penstock.sdk.conformance.merging import counts
from penstock.sdk.sql import SqlDestination

WIDE = pa.schema([("id", pa.int64()), *((f"c{n}", pa.string()) for n in range(1, 80))])
STATE = ("id", "v", "_ps_deleted")


class _BrokenOff(Exception):
    """Stands for the end of the process within a package."""


class Changes(Suite):
    """Tests of values that a log left out, of `Deletes.HARD`, and of `load_package`."""

    @pytest.fixture
    def able(self, destination: SqlDestination) -> SqlDestination:
        self.needs(destination, WriteMode.MERGE)
        return destination

    def test_a_value_that_was_left_out_stays(self, able: SqlDestination, loads: Loads) -> None:
        shape = pa.schema([("id", pa.int64()), ("v", pa.string()), ("w", pa.string())])
        self.put(able, loads([{"id": n, "v": "a", "w": "b"} for n in (1, 2, 3)], shape=shape))
        later: list[dict[str, Any]] = [
            {"id": 1, "v": "new", "at": 200, "out": ["w"]},
            {"id": 2, "v": None, "w": "new", "at": 200},
            {"id": 3, "v": "a", "at": 200, "out": ["w"]},
            {"id": 4, "v": "unknown", "at": 200, "out": ["w"]},
        ]
        receipt = self.put(able, loads(later, shape=shape))
        assert counts(receipt) == (1, 2, 0, 1)
        assert read(able, "id", "v", "w") == [
            (1, "new", "b"), (2, None, "new"), (3, "a", "b"), (4, "unknown", None)
        ]  # fmt: skip

    def test_values_of_any_column_of_a_wide_table_can_be_left_out(
        self, able: SqlDestination, loads: Loads
    ) -> None:
        whole = {"id": 1, **{f"c{n}": f"v{n}" for n in range(1, 80)}}
        self.put(able, loads([whole], shape=WIDE))
        rest = [f"c{n}" for n in range(1, 80) if n not in (61, 62, 79)]
        change = {"id": 1, "c61": "x", "c62": "y", "c79": None, "at": 200, "out": rest}
        assert counts(self.put(able, loads([change], shape=WIDE))) == (0, 1, 0, 0)
        wanted = tuple({**whole, "c61": "x", "c62": "y", "c79": None}.values())
        assert read(able, *WIDE.names) == [wanted]

    def test_an_older_change_with_values_left_out_changes_nothing(
        self, able: SqlDestination, loads: Loads
    ) -> None:
        self.put(able, loads([{"id": 1, "v": "a", "at": 300}]))
        old = loads([{"id": 1, "at": 200, "out": ["v"]}])
        assert counts(self.put(able, old)) == (0, 0, 0, 1)

    def test_history_fills_from_the_version_that_is_active(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.HISTORY)
        shape = pa.schema([("id", pa.int64()), ("v", pa.string()), ("w", pa.string())])
        for at, row in ((100, {"v": "a", "w": "old"}), (200, {"v": "b", "w": "b"})):
            rows = [{"id": 1, "at": at, **row}]
            self.put(destination, loads(rows, WriteMode.HISTORY, shape=shape))
        later = [{"id": 1, "v": "c", "at": 300, "out": ["w"]}]
        receipt = self.put(destination, loads(later, WriteMode.HISTORY, shape=shape))
        assert counts(receipt) == (0, 1, 0, 0)
        assert read(destination, "v", "w", "_ps_is_active") == [
            ("a", "old", False), ("b", "b", False), ("c", "b", True)
        ]  # fmt: skip

    def test_deleted_rows_go_where_that_is_asked_for(
        self, able: SqlDestination, loads: Loads
    ) -> None:
        rows = [{"id": n, "v": "a", "at": 300 if n == 3 else 100} for n in (1, 2, 3)]
        self.put(able, loads(rows))
        later = [
            {"id": 1, "op": "D", "at": 200},
            {"id": 2, "v": "b", "at": 200},
            {"id": 3, "op": "D", "at": 200},
            {"id": 4, "op": "D", "at": 200},
        ]
        receipt = self.put(able, loads(later, deletes_as=Handling.HARD))
        assert counts(receipt) == (0, 1, 1, 2)
        assert read(able, *STATE) == [(2, "b", False), (3, "a", False)]
        gone = loads([{"id": 2, "op": "D", "at": 400}], deletes_as=Handling.HARD)
        assert counts(self.put(able, gone)) == (0, 0, 1, 0)
        assert read(able, "id") == [(3,)]

    def test_rows_flagged_before_can_be_removed(self, able: SqlDestination, loads: Loads) -> None:
        self.put(able, loads([{"id": n, "v": "a"} for n in (1, 2)]))
        self.put(able, loads([{"id": 1, "op": "D", "at": 200}]))
        for _ in range(2):
            able.purge("people")
            assert read(able, "id") == [(2,)]
        able.purge("no_such_table")

    def test_a_complete_read_removes_where_that_is_asked_for(
        self, able: SqlDestination, loads: Loads
    ) -> None:
        self.put(able, loads([{"id": n, "v": "a"} for n in range(10)]))
        sweep = Sweep((loads.keys(list(range(9))),), started_at=500, deleted_at=500)
        receipt = self.put(able, loads([], sweep=sweep, deletes_as=Handling.HARD))
        assert receipt.flagged == 1
        assert len(read(able, "id")) == 9

    def test_a_sweep_without_keys_flags_what_was_there_before(
        self, able: SqlDestination, loads: Loads
    ) -> None:
        self.put(able, loads([{"id": n, "v": "a"} for n in (1, 2)]))
        sweep = Sweep((), started_at=200, deleted_at=200, safety_share=1.0)
        receipt = self.put(able, loads([{"id": 3, "v": "c", "at": 201}], sweep=sweep))
        assert receipt.flagged == 2
        assert read(able, *STATE) == [(1, "a", True), (2, "a", True), (3, "c", False)]

    def test_tables_of_a_package_are_there_together_or_not_at_all(
        self, able: SqlDestination, loads: Loads, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not able.capabilities.atomic_package:
            pytest.skip("atomic_package is not declared")
        package = [loads([{"id": 1, "v": "a"}], table=name) for name in ("orders", "lines")]
        for load in package:
            able.evolve(load.table, load.schema, load.key, mode=load.mode)
        add = able.ledger_book.add
        added: list[object] = []

        def break_off(*given: object) -> None:
            if added:
                raise _BrokenOff
            added.append(given)
            add(*given)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(able.ledger_book, "add", break_off)
            with pytest.raises(_BrokenOff):
                able.load_package(package)
        assert [read(able, "id", table=name) for name in ("orders", "lines")] == [[], []]
        assert [r.replayed for r in able.load_package(package)] == [False, False]
        assert [read(able, "id", table=name) for name in ("orders", "lines")] == [[(1,)], [(1,)]]

    def test_a_package_that_comes_again_changes_nothing(
        self, able: SqlDestination, reopened: Callable[[], SqlDestination], loads: Loads
    ) -> None:
        package = [loads([{"id": 1, "v": "a"}], table=name) for name in ("orders", "lines")]
        for load in package:
            able.evolve(load.table, load.schema, load.key, mode=load.mode)
        able.load(package[0])
        assert [r.replayed for r in able.load_package(package)] == [True, False]
        again = reopened()
        assert [r.replayed for r in again.load_package(package)] == [True, True]
        assert read(again, "id", table="lines") == [(1,)]

    def test_refused_rows_of_a_package_are_found_table_by_table(
        self, able: SqlDestination, loads: Loads
    ) -> None:
        orders = loads([{"id": 1, "v": "a"}], table="orders")
        lines = loads([{"id": 1, "v": "a"}, {"id": None, "v": "b"}], table="lines")
        for load in (orders, lines):
            able.evolve(load.table, load.schema, load.key, mode=load.mode)
        with pytest.raises(DataError):
            able.load_package([orders, lines])
        assert able.refused(orders) == []
        assert [item.index for item in able.refused(lines, [orders])] == [1]
