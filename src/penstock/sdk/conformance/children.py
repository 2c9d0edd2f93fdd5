"""Rows of arrays: those that are gone from the arrays of some events (pipelines.md 8.3)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penstock.core.load import Deletes, Receipt, Sweep, WriteMode
from penstock.core.metadata import ARRAY_INDEX, CHILD_KEY, REF_ID
from penstock.sdk.conformance.kit import Loads, Suite, read
from penstock.sdk.sql import SqlDestination

SHAPE = pa.schema([(REF_ID, pa.string()), (ARRAY_INDEX, pa.string()), ("value", pa.string())])
Key = tuple[str, str | None]


class Children(Suite):
    """Tests of sweeps that mean some groups of rows and leave the others alone."""

    @pytest.fixture
    def stored(self, destination: SqlDestination, loads: Loads) -> SqlDestination:
        """Three children of a, two of b, one of c."""
        self.needs(destination, WriteMode.MERGE)
        rows = [("a", "0"), ("a", "1"), ("a", "2"), ("b", "0"), ("b", "0.1"), ("c", "0")]
        self.children(destination, loads, rows, at=100)
        return destination

    def children(
        self, destination: SqlDestination, loads: Loads, rows: Sequence[tuple[str, str]],
        sweep: Sweep | None = None, *, at: int, mode: WriteMode = WriteMode.MERGE,
        deletes: Deletes = Deletes.SOFT,
    ) -> Receipt:  # fmt: skip
        staged = [
            {REF_ID: r, ARRAY_INDEX: i, "value": f"{r}{i} of {at}", "at": at} for r, i in rows
        ]
        load = loads(staged, mode, shape=SHAPE, key=CHILD_KEY, sweep=sweep, deletes_as=deletes)
        return self.put(destination, load)

    def test_children_that_are_gone_are_flagged_and_those_of_others_stay(
        self, stored: SqlDestination, loads: Loads, tmp_path: Path
    ) -> None:
        sweep = _sweep(tmp_path, [("a", "0"), ("a", None), ("b", None)], at=200)
        receipt = self.children(stored, loads, [("a", "0")], sweep, at=200)
        assert (receipt.updated, receipt.flagged, receipt.held) == (1, 4, 0)
        assert _live(stored) == [("a", "0", "a0 of 200"), ("c", "0", "c0 of 100")]

    def test_an_older_array_in_the_same_load_leaves_no_children(
        self, stored: SqlDestination, loads: Loads, tmp_path: Path
    ) -> None:
        sweep = _sweep(tmp_path, [("d", "0")], at=200)
        self.children(stored, loads, [("d", "0"), ("d", "1")], sweep, at=200)
        assert ("d", "0", "d0 of 200") in _live(stored)
        assert len(_live(stored)) == 7

    def test_children_that_came_later_are_left_alone(
        self, stored: SqlDestination, loads: Loads, tmp_path: Path
    ) -> None:
        self.children(stored, loads, [("a", "1")], at=300)
        receipt = self.children(stored, loads, [], _sweep(tmp_path, [("a", None)], at=200), at=200)
        assert receipt.flagged == 2
        assert ("a", "1", "a1 of 300") in _live(stored)

    def test_children_go_where_deletes_do(
        self, stored: SqlDestination, loads: Loads, tmp_path: Path
    ) -> None:
        sweep = _sweep(tmp_path, [("a", "2"), ("a", None)], at=200)
        receipt = self.children(stored, loads, [], sweep, at=200, deletes=Deletes.HARD)
        assert receipt.flagged == 2
        assert [row[0] for row in read(stored, REF_ID)] == ["a", "b", "b", "c"]

    def test_the_version_of_a_child_that_is_gone_ends(
        self, destination: SqlDestination, loads: Loads, tmp_path: Path
    ) -> None:
        self.needs(destination, WriteMode.HISTORY)
        history = WriteMode.HISTORY
        self.children(destination, loads, [("a", "0"), ("b", "0")], at=100, mode=history)
        sweep = _sweep(tmp_path, [("a", None)], at=200)
        assert self.children(destination, loads, [], sweep, at=200, mode=history).flagged == 1
        assert read(destination, REF_ID, "_ps_is_active") == [("a", False), ("b", True)]


def _sweep(folder: Path, keys: Sequence[Key], *, at: int) -> Sweep:
    """Of all groups that are named; nothing is held back, for the events say what they have."""
    file = folder / f"children-{at}.parquet"
    refs, places = (pa.array([key[part] for key in keys], pa.string()) for part in (0, 1))
    pq.write_table(pa.table({REF_ID: refs, ARRAY_INDEX: places}), file)
    return Sweep((file,), started_at=at, deleted_at=at, safety_share=1.0, group=REF_ID)


def _live(destination: SqlDestination) -> list[tuple[object, ...]]:
    rows = read(destination, REF_ID, ARRAY_INDEX, "value", "_ps_deleted")
    return [row[:3] for row in rows if not row[3]]
