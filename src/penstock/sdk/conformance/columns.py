"""Columns of ours in the tables: which there are, of what type, with what in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pyarrow as pa
import pytest

from penstock.core import metadata
from penstock.core.instants import Instants
from penstock.core.load import Sweep, TableLoad, WriteMode
from penstock.sdk.conformance.kit import Loads, Row, Suite, read
from penstock.sdk.sql import SqlDestination

KEPT = ("id", "v", "_ps_op")
VERSIONED = {"_ps_valid_from", "_ps_valid_to", "_ps_is_active"}


def with_op(load: TableLoad) -> TableLoad:
    """The load as the engine makes it under `keep_op_column`."""
    return replace(load, schema=load.schema.append(pa.field(metadata.OP, pa.string())))


class Columns(Suite):
    """Tests of the metadata columns (pipelines.md 3.4)."""

    def names(self, destination: SqlDestination) -> set[str]:
        described = destination.describe("people")
        assert described is not None
        return {*described.names}

    @pytest.mark.parametrize("op", [False, True], ids=["plain", "with the operation"])
    @pytest.mark.parametrize("more", ["deletes", "modified", None])
    @pytest.mark.parametrize("mode", list(WriteMode))
    def test_a_table_has_the_columns_of_its_rows_and_mode(
        self, destination: SqlDestination, loads: Loads, mode: WriteMode, more: str | None, op: bool
    ) -> None:
        self.needs(destination, mode)
        load = loads(
            [{"id": 1, "v": "a"}], mode, deletes=more == "deletes", modified=more == "modified"
        )
        self.put(destination, with_op(load) if op else load)
        wanted = {"id", "v", "_ps_ingested_at", "_ps_loaded_at"}
        wanted |= {"_ps_deleted"} if more == "deletes" else set()
        wanted |= {"_ps_source_modified_at"} if more == "modified" else set()
        wanted |= {"_ps_op"} if op else set()
        wanted |= VERSIONED if mode is WriteMode.HISTORY else set()
        assert self.names(destination) == wanted

    @pytest.mark.parametrize("foreign", [False, True], ids=["ours", "with a user's column"])
    def test_merge_keeps_the_operation_that_a_row_had_last(
        self, destination: SqlDestination, loads: Loads, foreign: bool
    ) -> None:
        self.needs(destination, WriteMode.MERGE)
        first = [{"id": n, "v": "a", "op": "R"} for n in (1, 2, 3)]
        self.put(destination, with_op(loads(first)))
        if foreign:
            place = destination.qualified("people")
            self.run(destination, f"ALTER TABLE {place} ADD COLUMN note INTEGER")
        then: list[Row] = [
            {"id": 1, "v": "b", "at": 200, "op": "U"},
            {"id": 2, "at": 200, "op": "D"},
            {"id": 3, "v": "a", "at": 200, "op": "U"},
            {"id": 4, "v": "new", "at": 200, "op": "I"},
        ]
        self.put(destination, with_op(loads(then)))
        assert read(destination, *KEPT) == [
            (1, "b", "U"), (2, "a", "D"), (3, "a", "R"), (4, "new", "I"),
        ]  # fmt: skip

    def test_a_sweep_is_a_delete(self, destination: SqlDestination, loads: Loads) -> None:
        self.needs(destination, WriteMode.MERGE)
        self.put(destination, with_op(loads([{"id": n, "v": "a", "op": "R"} for n in (1, 2)])))
        sweep = Sweep((loads.keys([1]),), started_at=300, deleted_at=400, safety_share=1.0)
        self.put(destination, with_op(loads([], sweep=sweep)))
        assert read(destination, *KEPT) == [(1, "a", "R"), (2, "a", "D")]

    @pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.HISTORY])
    def test_every_version_has_its_operation(
        self, destination: SqlDestination, loads: Loads, mode: WriteMode
    ) -> None:
        self.needs(destination, mode)
        rows = [{"id": 1, "v": "a", "op": "R"}, {"id": 1, "v": "b", "at": 200, "op": "U"}]
        self.put(destination, with_op(loads(rows[:1], mode)))
        self.put(destination, with_op(loads(rows[1:], mode)))
        assert read(destination, *KEPT) == [(1, "a", "R"), (1, "b", "U")]

    def test_a_reload_has_the_operations_of_its_rows(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.MERGE)
        if not destination.capabilities.publish:
            pytest.skip("publish is not declared")
        self.put(destination, with_op(loads([{"id": 1, "v": "a", "op": "U"}])))
        self.put(destination, with_op(loads([{"id": 1, "v": "b", "op": "R"}], generation=1)))
        destination.publish("people", 1)
        assert read(destination, *KEPT) == [(1, "b", "R")]

    def test_rows_without_an_operation_leave_no_old_one(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.MERGE)
        self.put(destination, with_op(loads([{"id": 1, "v": "a", "op": "R"}])))
        self.put(destination, loads([{"id": 1, "v": "b", "at": 200}, {"id": 2, "v": "c"}]))
        assert read(destination, *KEPT) == [(1, "b", None), (2, "c", None)]

    @pytest.mark.parametrize("column", ["_ps_ingested_at", "_ps_loaded_at", "_ps_deleted",
                                        "_ps_source_modified_at", "_ps_op"])  # fmt: skip
    def test_a_dropped_column_comes_again_and_old_rows_have_null(
        self, destination: SqlDestination, loads: Loads, column: str
    ) -> None:
        self.needs(destination, WriteMode.MERGE)
        self.put(destination, with_op(loads([{"id": 1, "v": "a", "changed": 5}], modified=True)))
        place = destination.qualified("people")
        self.run(destination, f"ALTER TABLE {place} DROP COLUMN {column}")
        later: list[dict[str, Any]] = [
            {"id": 1, "v": "a", "at": 200, "changed": 5},
            {"id": 2, "v": "b", "at": 200, "changed": 6},
        ]
        receipt = self.put(destination, with_op(loads(later, modified=True)))
        assert (receipt.inserted, receipt.unchanged) == (1, 1)
        kept = read(destination, "id", column)
        assert kept[0] == (1, None)
        assert kept[1][1] is not None

    def test_times_turn_into_the_form_that_the_destination_is_set_to(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.MERGE)
        if not destination.capabilities.widen_column:
            pytest.skip("changing a column is not declared")
        long_ago = 1_700_000_000_123
        row = {"id": 1, "v": "a", "at": long_ago, "changed": -1}
        ours = ("id", "v", *sorted(metadata.INSTANTS))
        self.put(destination, loads([row], modified=True))
        before = read(destination, *ours)
        assert before == [(1, "a", long_ago, 999, -1)]
        for setting, kind in (("TIMESTAMP", metadata.TIMESTAMP), ("EPOCH_MS", pa.int64())) * 2:
            destination.instants = cast("Instants", setting)
            stale = loads([{**row, "v": "b", "at": long_ago - 1}], modified=True)
            assert self.put(destination, stale).unchanged == 1
            described = destination.describe("people")
            assert described is not None
            assert {described.field(name).type for name in metadata.INSTANTS} == {kind}
            assert read(destination, *ours) == before
