"""The three states of `_ps_deleted`, and what leads to each (pipelines.md 3.3)."""

from __future__ import annotations

import pyarrow as pa
import pytest

from penstock.core.load import Sweep, WriteMode
from penstock.sdk.conformance.kit import PEOPLE, Loads, Suite, read
from penstock.sdk.conformance.merging import counts
from penstock.sdk.sql import SqlDestination

STATE = ("id", "v", "_ps_deleted")


class Deletes(Suite):
    """Tests of the soft-delete flag; no row is ever removed."""

    @pytest.fixture
    def flagged(self, destination: SqlDestination, loads: Loads) -> SqlDestination:
        """Row 1 is live, row 2 deleted, and row 3 older than the column."""
        self.needs(destination, WriteMode.MERGE)
        self.put(destination, loads([{"id": 3, "v": "c"}], deletes=False))
        self.put(destination, loads([{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]))
        self.put(destination, loads([{"id": 2, "op": "D", "at": 200}]))
        return destination

    def test_false_is_live_true_is_deleted_and_null_is_older_than_the_column(
        self, flagged: SqlDestination
    ) -> None:
        """Of a deleted row the other columns keep their last values."""
        assert read(flagged, *STATE) == [(1, "a", False), (2, "b", True), (3, "c", None)]

    def test_a_row_older_than_the_column_counts_as_live(
        self, flagged: SqlDestination, loads: Loads
    ) -> None:
        same = self.put(flagged, loads([{"id": 3, "v": "c", "at": 300}]))
        assert counts(same) == (0, 0, 0, 1)
        gone = self.put(flagged, loads([{"id": 3, "op": "D", "at": 400}]))
        assert counts(gone) == (0, 0, 1, 0)
        assert read(flagged, *STATE)[2] == (3, "c", True)

    def test_a_complete_read_flags_rows_older_than_the_column(
        self, flagged: SqlDestination, loads: Loads
    ) -> None:
        sweep = Sweep((loads.keys([1, 2]),), started_at=500, deleted_at=500, safety_share=0.5)
        receipt = self.put(flagged, loads([], sweep=sweep))
        # One of the two live rows, the older one among them, is within the safety share.
        assert (receipt.flagged, receipt.held) == (1, 0)
        assert read(flagged, *STATE) == [(1, "a", False), (2, "b", True), (3, "c", True)]

    def test_a_key_that_reappears_is_live_again(
        self, flagged: SqlDestination, loads: Loads
    ) -> None:
        assert counts(self.put(flagged, loads([{"id": 2, "v": "b", "at": 300}]))) == (0, 1, 0, 0)
        assert read(flagged, *STATE)[1] == (2, "b", False)

    def test_a_delete_of_an_unknown_key_is_a_row_that_is_deleted(
        self, flagged: SqlDestination, loads: Loads
    ) -> None:
        assert counts(self.put(flagged, loads([{"id": 4, "op": "D", "at": 200}]))) == (0, 0, 1, 0)
        assert read(flagged, *STATE)[3] == (4, None, True)

    def test_without_a_key_a_delete_is_a_row_more(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.APPEND)
        self.put(destination, loads([{"id": 1, "v": "a"}], WriteMode.APPEND, key=()))
        gone = {"id": 1, "v": "a", "op": "D", "at": 200}
        self.put(destination, loads([gone], WriteMode.APPEND, key=()))
        assert read(destination, *STATE) == [(1, "a", False), (1, "a", True)]

    def test_a_column_that_the_source_drops_stays_and_later_rows_have_null(
        self, flagged: SqlDestination, loads: Loads
    ) -> None:
        shape = pa.schema([PEOPLE.field("id")])
        self.put(flagged, loads([{"id": 5, "at": 300}], shape=shape))
        assert read(flagged, "id", "v") == [(1, "a"), (2, "b"), (3, "c"), (5, None)]
