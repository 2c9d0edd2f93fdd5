"""The ledger: every load counts once, and rows and ledger are one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest

from penstock.core.errors import ConfigError, DataError
from penstock.core.load import Receipt, Sweep, TableLoad, WriteMode
from penstock.sdk.conformance.kit import Loads, Suite, read
from penstock.sdk.sql import SqlDestination
from penstock.sdk.sql.ledger import KEPT_ROWS

Opened = Callable[[], SqlDestination]


class _BrokenOff(Exception):
    """Stands for the end of the process between the rows and the ledger."""


class Delivery(Suite):
    """Tests of repeated, fenced, refused and rolled back loads."""

    @pytest.mark.parametrize("mode", list(WriteMode))
    def test_a_repeated_load_changes_nothing(
        self, destination: SqlDestination, reopened: Opened, loads: Loads, mode: WriteMode
    ) -> None:
        self.needs(destination, mode)
        load = loads([{"id": 1, "v": "a"}, {"id": 2, "op": "D"}], mode)
        first = self.put(destination, load)
        before = read(destination, "id", "v", "_ps_loaded_at")
        for again in (destination, reopened()):
            receipt = self.put(again, load)
            assert receipt.replayed
            assert (receipt.inserted, receipt.deleted, receipt.unchanged) == (
                first.inserted, first.deleted, first.unchanged,
            )  # fmt: skip
            assert read(again, "id", "v", "_ps_loaded_at") == before

    def test_rows_without_their_ledger_row_are_not_kept(
        self, destination: SqlDestination, loads: Loads, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not destination.capabilities.atomic_load:
            pytest.skip("atomic_load is not declared")
        mode = min(destination.capabilities.modes)
        self.put(destination, loads([{"id": 1, "v": "a"}], mode))

        def break_off(*_: object) -> None:
            raise _BrokenOff

        load = loads([{"id": 2, "v": "b"}], mode)
        with monkeypatch.context() as patched:
            patched.setattr(destination.ledger_book, "add", break_off)
            with pytest.raises(_BrokenOff):
                destination.load(load)
        assert read(destination, "id") == [(1,)]
        assert not destination.load(load).replayed
        assert read(destination, "id") == [(1,), (2,)]

    def test_the_ledger_tells_the_newest_of_each_split(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        mode = min(destination.capabilities.modes)
        assert destination.ledger("suite") == []
        for split, number in (("a", 1), ("a", 2), ("b", 7)):
            self.put(
                destination,
                loads(
                    [{"id": number, "v": "x"}], mode, load_id=f"{split}{number}", split=split,
                    package_no=number, checkpoint=f'{{"n":{number}}}',
                ),
            )  # fmt: skip
        found = sorted(destination.ledger("suite"), key=lambda entry: entry.split)
        assert [(e.load_id, e.table, e.split, e.package_no, e.checkpoint) for e in found] == [
            ("a2", "people", "a", 2, '{"n":2}'),
            ("b7", "people", "b", 7, '{"n":7}'),
        ]
        assert destination.ledger("another") == []

    def test_the_ledger_stays_small_and_keeps_each_split(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        mode = min(destination.capabilities.modes)
        rows = [{"id": 1, "v": "x"}]
        self.put(destination, loads(rows, mode, split="quiet", package_no=1, loaded_at=1))
        old = loads(rows, mode, split="busy")
        with destination.transaction() as tx:
            for number in range(2, KEPT_ROWS + 50):
                load = _numbered(old, number)
                destination.ledger_book.add(tx, load, Receipt(load.load_id, load.table))
        last = loads(rows, mode, split="busy", package_no=KEPT_ROWS + 100, loaded_at=10_000)
        self.put(destination, last)
        kept = read(destination, "split", "package_no", table="_ps_loads")
        assert len(kept) <= KEPT_ROWS + 1
        assert ("quiet", 1) in kept
        assert ("busy", KEPT_ROWS + 100) in kept
        assert ("busy", 2) not in kept

    def test_an_overtaken_run_is_refused(self, destination: SqlDestination, loads: Loads) -> None:
        mode = min(destination.capabilities.modes)
        self.put(destination, loads([{"id": 1, "v": "a"}], mode, fence=2))
        with pytest.raises(ConfigError) as raised:
            self.put(destination, loads([{"id": 2, "v": "b"}], mode, fence=1))
        assert raised.value.code == "load.fenced"
        assert read(destination, "id") == [(1,)]

    @pytest.mark.parametrize("mode", [WriteMode.MERGE, WriteMode.HISTORY])
    def test_a_refused_load_leaves_no_trace(
        self, destination: SqlDestination, reopened: Opened, loads: Loads, mode: WriteMode
    ) -> None:
        self.needs(destination, mode)
        self.put(destination, loads([{"id": 1, "v": "a"}], mode))
        bad = loads([{"id": 2, "v": "b", "at": 200}, {"id": None, "v": "c", "at": 200}], mode)
        with pytest.raises(DataError):
            destination.load(bad)
        assert [item.index for item in destination.refused(bad)] == [1]
        again = reopened()
        assert read(again, "id", "v") == [(1, "a")]
        assert bad.load_id not in {entry.load_id for entry in again.ledger("suite")}
        # The destination goes on after it.
        assert self.put(again, loads([{"id": 2, "v": "b", "at": 200}], mode)).rows == 1

    def test_a_good_load_has_no_refused_rows(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        load = loads([{"id": n, "v": "x"} for n in range(5)], min(destination.capabilities.modes))
        assert destination.refused(load) == []
        assert destination.describe("people") is None or read(destination, "id") == []

    def test_rows_that_did_not_come_are_flagged(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.MERGE)
        self.put(destination, loads([{"id": n, "v": "a", "at": 100} for n in range(10)]))
        self.put(destination, loads([{"id": 20, "v": "late", "at": 300}]))
        sweep = Sweep((loads.keys(range(5)), loads.keys(range(5, 9))), 200, 400)
        receipt = self.put(destination, loads([], sweep=sweep))
        assert (receipt.flagged, receipt.held) == (1, 0)
        gone = [
            row for row in read(destination, "id", "v", "_ps_deleted", "_ps_ingested_at") if row[2]
        ]
        # The later row came after the read began: nothing is known of it.
        assert gone == [(9, "a", True, 400)]
        again = self.put(destination, loads([], sweep=sweep))
        assert (again.flagged, again.held) == (0, 0)

    def test_too_many_at_once_are_held_back(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.MERGE)
        self.put(destination, loads([{"id": n, "v": "a"} for n in range(10)]))
        few = (loads.keys(range(7)),)
        receipt = self.put(destination, loads([], sweep=Sweep(few, 200, 200)))
        assert (receipt.flagged, receipt.held) == (0, 3)
        forced = self.put(destination, loads([], sweep=Sweep(few, 200, 200, safety_share=1.0)))
        assert (forced.flagged, forced.held) == (3, 0)

    def test_a_source_that_is_empty_now(self, destination: SqlDestination, loads: Loads) -> None:
        self.needs(destination, WriteMode.MERGE)
        self.put(destination, loads([{"id": 1, "v": "a"}]))
        for files in ((), (loads.keys([]),)):
            held = self.put(destination, loads([], sweep=Sweep(files, 200, 200)))
            assert (held.flagged, held.held) == (0, 1)
        sweep = Sweep((), 200, 200, safety_share=1.0)
        assert self.put(destination, loads([], sweep=sweep)).flagged == 1

    def test_keys_of_another_type_than_the_column(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.MERGE)
        shape = pa.schema([("id", pa.string()), ("v", pa.string())])
        self.put(destination, loads([{"id": str(n), "v": "a"} for n in range(10)], shape=shape))
        sweep = Sweep((loads.keys(range(1, 10)),), 200, 200)
        assert self.put(destination, loads([], shape=shape, sweep=sweep)).flagged == 1


def _numbered(load: TableLoad, number: int) -> TableLoad:
    return replace(load, load_id=f"old-{number}", package_no=number, loaded_at=number)
