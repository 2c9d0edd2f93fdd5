"""History: every version with the time in which it was valid (pipelines.md 4.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock.core.load import Sweep, TableLoad, WriteMode
from penstock.sdk.conformance.kit import Loads, Row, Suite, read
from penstock.sdk.conformance.merging import counts
from penstock.sdk.sql import SqlDestination

DAY = datetime(2024, 5, 1, tzinfo=UTC)
OPEN_END = datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001 (the column has no zone)
VERSIONS = ("id", "_ps_valid_from", "_ps_valid_to", "_ps_is_active", "v")
MS = timedelta(milliseconds=1)


def ms(hours: float) -> int:
    """Epoch milliseconds of an hour of the day."""
    return int((DAY + timedelta(hours=hours)).timestamp() * 1000)


def at(hours: float) -> datetime:
    return (DAY + timedelta(hours=hours)).replace(tzinfo=None)


class Versions(Suite):
    """Tests of the mode history."""

    @pytest.fixture
    def keeping(self, destination: SqlDestination) -> SqlDestination:
        self.needs(destination, WriteMode.HISTORY)
        return destination

    def history(self, loads: Loads, *rows: Row, **more: Any) -> TableLoad:
        return loads(rows, WriteMode.HISTORY, **more)

    def test_the_example(self, keeping: SqlDestination, loads: Loads) -> None:
        self.put(keeping, self.history(loads, {"id": 1, "v": "trial", "at": ms(10)}))
        receipt = self.put(keeping, self.history(loads, {"id": 1, "v": "paid", "at": ms(12)}))
        assert counts(receipt) == (0, 1, 0, 0)
        assert read(keeping, *VERSIONS) == [
            (1, at(10), at(12) - MS, False, "trial"),
            (1, at(12), OPEN_END, True, "paid"),
        ]

    def test_both_versions_in_one_load(self, keeping: SqlDestination, loads: Loads) -> None:
        load = self.history(
            loads,
            {"id": 1, "v": "paid", "at": ms(12), "seq": 2},
            {"id": 1, "v": "trial", "at": ms(10), "seq": 1},
        )
        assert counts(self.put(keeping, load)) == (1, 1, 0, 0)
        assert read(keeping, *VERSIONS) == [
            (1, at(10), at(12) - MS, False, "trial"),
            (1, at(12), OPEN_END, True, "paid"),
        ]

    def test_an_equal_version_adds_none(self, keeping: SqlDestination, loads: Loads) -> None:
        self.put(keeping, self.history(loads, {"id": 1, "v": "a", "at": ms(10)}))
        again = self.history(
            loads, {"id": 1, "v": "a", "at": ms(11)}, {"id": 1, "v": "a", "at": ms(12)}
        )
        assert counts(self.put(keeping, again)) == (0, 0, 0, 2)
        assert read(keeping, *VERSIONS) == [(1, at(10), OPEN_END, True, "a")]

    def test_an_older_version_is_ignored(self, keeping: SqlDestination, loads: Loads) -> None:
        self.put(keeping, self.history(loads, {"id": 1, "v": "new", "at": ms(12)}))
        receipt = self.put(keeping, self.history(loads, {"id": 1, "v": "old", "at": ms(10)}))
        assert counts(receipt) == (0, 0, 0, 1)
        assert read(keeping, "v", "_ps_is_active") == [("new", True)]

    def test_versions_of_one_instant_stay_apart(
        self, keeping: SqlDestination, loads: Loads
    ) -> None:
        rows = [{"id": 1, "v": v, "at": ms(10), "seq": n} for n, v in enumerate("abc")]
        self.put(keeping, self.history(loads, *rows))
        assert read(keeping, *VERSIONS) == [
            (1, at(10), at(10), False, "a"),
            (1, at(10) + MS, at(10) + MS, False, "b"),
            (1, at(10) + 2 * MS, OPEN_END, True, "c"),
        ]

    def test_there_and_back_is_three_versions(self, keeping: SqlDestination, loads: Loads) -> None:
        for hour, v in ((10, "a"), (11, "b"), (12, "a")):
            self.put(keeping, self.history(loads, {"id": 1, "v": v, "at": ms(hour)}))
        assert read(keeping, *VERSIONS) == [
            (1, at(10), at(11) - MS, False, "a"),
            (1, at(11), at(12) - MS, False, "b"),
            (1, at(12), OPEN_END, True, "a"),
        ]

    def test_a_delete_closes_and_a_return_opens(
        self, keeping: SqlDestination, loads: Loads
    ) -> None:
        self.put(keeping, self.history(loads, {"id": 1, "v": "a", "at": ms(10)}))
        gone = self.put(keeping, self.history(loads, {"id": 1, "op": "D", "at": ms(11)}))
        assert counts(gone) == (0, 0, 1, 0)
        assert read(keeping, *VERSIONS) == [(1, at(10), at(11) - MS, False, "a")]
        twice = self.put(keeping, self.history(loads, {"id": 1, "op": "D", "at": ms(12)}))
        assert counts(twice) == (0, 0, 0, 1)
        back = self.put(keeping, self.history(loads, {"id": 1, "v": "a", "at": ms(13)}))
        assert counts(back) == (1, 0, 0, 0)
        assert read(keeping, *VERSIONS) == [
            (1, at(10), at(11) - MS, False, "a"),
            (1, at(13), OPEN_END, True, "a"),
        ]

    def test_a_life_in_one_load(self, keeping: SqlDestination, loads: Loads) -> None:
        load = self.history(
            loads,
            {"id": 1, "v": "a", "at": ms(10)},
            {"id": 1, "op": "D", "at": ms(11)},
            {"id": 1, "v": "a", "at": ms(12)},
            {"id": 2, "op": "D", "at": ms(11)},
        )
        receipt = self.put(keeping, load)
        assert receipt.rows == 4
        assert read(keeping, *VERSIONS) == [
            (1, at(10), at(11) - MS, False, "a"),
            (1, at(12), OPEN_END, True, "a"),
        ]

    def test_a_row_of_before_a_delete_does_not_return(
        self, keeping: SqlDestination, loads: Loads
    ) -> None:
        self.put(keeping, self.history(loads, {"id": 1, "v": "a", "at": ms(10)}))
        self.put(keeping, self.history(loads, {"id": 1, "op": "D", "at": ms(12)}))
        late = self.put(keeping, self.history(loads, {"id": 1, "v": "old", "at": ms(11)}))
        assert counts(late) == (0, 0, 0, 1)
        assert read(keeping, *VERSIONS) == [(1, at(10), at(12) - MS, False, "a")]

    def test_the_change_time_of_the_source_counts(
        self, keeping: SqlDestination, loads: Loads
    ) -> None:
        first = {"id": 1, "v": "a", "at": ms(10), "changed": ms(8)}
        second = {"id": 1, "v": "b", "at": ms(12), "changed": ms(11)}
        for row in (first, second):
            self.put(keeping, self.history(loads, row, modified=True))
        assert read(keeping, *VERSIONS) == [
            (1, at(8), at(11) - MS, False, "a"),
            (1, at(11), OPEN_END, True, "b"),
        ]

    def test_a_complete_read_closes_what_is_gone(
        self, keeping: SqlDestination, loads: Loads
    ) -> None:
        rows = [{"id": n, "v": "a", "at": ms(10)} for n in range(10)]
        self.put(keeping, self.history(loads, *rows))
        sweep = Sweep((loads.keys(range(1, 10)),), started_at=ms(11), deleted_at=ms(12))
        assert self.put(keeping, self.history(loads, sweep=sweep)).flagged == 1
        assert read(keeping, *VERSIONS)[0] == (0, at(10), at(12) - MS, False, "a")
        assert sum(row[3] for row in read(keeping, *VERSIONS)) == 9
