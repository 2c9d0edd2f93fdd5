"""What becomes of a table when the shape of its events changes (pipelines.md 12.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from penstock.core.load import WriteMode
from penstock.core.mapping import Mapping
from penstock.core.stream import Stream
from penstock.engine.run import run
from unit.engine.doubles import PEOPLE, ListSource, MemoryCatalog, MemoryDestination, task


class Table:
    """One stream into one table, job after job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.destination = MemoryDestination()
        self.catalog = MemoryCatalog()
        self.warnings: list[str] = []

    def load(
        self,
        *rows: dict[str, Any],
        stream: Stream = PEOPLE,
        fixed: bool = False,
        mode: WriteMode = WriteMode.MERGE,
        keep_op: bool = False,
    ) -> None:
        self.load_batches([[*rows]], stream, fixed, mode, keep_op)

    def load_batches(
        self,
        batches: Iterable[list[dict[str, Any]]],
        stream: Stream = PEOPLE,
        fixed: bool = False,
        mode: WriteMode = WriteMode.MERGE,
        keep_op: bool = False,
    ) -> None:
        source = ListSource([*batches], stream)
        job = task(self.folder, source, self.destination, self.catalog, mode)
        job.warn = lambda _, text: self.warnings.append(text)
        job.fixed_schema = fixed
        job.keep_op = keep_op
        assert run(job, job.source.plan(job.source.discover())).fatal is None

    @property
    def mapping(self) -> Mapping:
        return self.catalog.mappings["people"]

    @property
    def types(self) -> dict[str, str]:
        schema = self.destination.schemas["people"]
        return {f.name: str(f.type) for f in schema if not f.name.startswith("_ps_")}

    def column(self, name: str) -> dict[int, Any]:
        return {row["id"]: row.get(name) for row in self.destination.tables["people"]}

    @property
    def failures(self) -> list[tuple[str, str | None]]:
        return [(event.code, event.key) for done in self.catalog.commits for event in done.failed]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path)


def test_a_new_event_type_gets_a_table(table: Table) -> None:
    table.load({"id": 1, "name": "a"})
    assert table.types == {"id": "int64", "name": "string"}


def test_a_field_that_is_gone_leaves_its_column_and_a_renamed_one_is_new(table: Table) -> None:
    table.load({"id": 1, "name": "a", "town": "Pune"})
    table.load({"id": 2, "name": "b", "city": "Bonn"})
    assert {"town", "city"} <= table.types.keys()
    assert table.column("city") == {1: None, 2: "Bonn"}
    assert table.column("town") == {1: "Pune", 2: None}


def test_a_type_without_a_common_chain_becomes_text(table: Table) -> None:
    table.load({"id": 1, "name": "a", "size": True})
    table.load({"id": 2, "name": "b", "size": 7})
    assert table.types["size"] == "string"
    assert table.column("size")[2] == "7"


def test_a_field_of_nulls_gets_no_column_until_a_value_comes(table: Table) -> None:
    table.load({"id": 1, "name": "a", "notes": None})
    assert table.types.get("notes", "null") == "null"
    table.load({"id": 2, "name": "b", "notes": "x"})
    assert table.types["notes"] == "string"


def test_fields_past_the_columns_of_a_table_are_left_out_with_a_warning(table: Table) -> None:
    # The double takes 40 columns, six of which are ours.
    wide = {f"field_{at:02d}": at for at in range(40)}
    table.load({"id": 1, "name": "a", **wide})
    assert len(table.types) == 34
    assert table.column("field_31") == {1: 31}
    assert [text for text in table.warnings if "field_32" in text]
    assert table.mapping.left[0].field == "field_32"
    assert table.mapping.left[0].reason == "the table already has 34 columns"


def test_another_key_in_the_source_is_told_and_the_table_keeps_its_own(table: Table) -> None:
    table.load({"id": 1, "name": "a"})
    assert table.warnings == []
    table.load({"id": 1, "name": "b"}, stream=replace(PEOPLE, primary_key=("id", "name")))
    assert table.column("name") == {1: "b"}
    assert ["PRIMARY_KEY_CHANGED" in text for text in table.warnings] == [True]


def test_under_block_all_new_fields_are_left_out_and_wider_values_fail(table: Table) -> None:
    table.load({"id": 1, "name": "a", "age": 7})
    table.load({"id": 2, "name": "b", "age": "old", "city": "Bonn"}, fixed=True)
    table.load({"id": 3, "name": "c", "age": "8"}, fixed=True)
    assert "city" not in table.types
    assert table.types["age"] == "int64"
    assert table.column("age") == {1: 7, 3: 8}
    assert table.failures == [("INCOMPATIBLE_TYPE", "2")]


def test_fields_with_our_prefix_and_with_one_clean_form_stay_apart(table: Table) -> None:
    table.load({"id": 1, "name": "a", "_ps_loaded_at": "mine", "Name": "A", "na me": "x"})
    assert table.types.keys() == {"id", "name", "src__ps_loaded_at", "name_2", "na_me"}


@pytest.mark.parametrize("kind", [pa.int64(), pa.string()])
def test_a_reload_of_the_same_shape_changes_no_mapping(table: Table, kind: pa.DataType) -> None:
    stream = replace(PEOPLE, schema=pa.schema([("id", kind), ("name", pa.string())]))
    value = pa.scalar(1).cast(kind).as_py()
    table.load({"id": value, "name": "a"}, stream=stream)
    before = table.catalog.mappings["people"]
    table.load({"id": value, "name": "b"}, stream=stream)
    assert table.catalog.mappings["people"] == before


MONEY = Decimal("123.45")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param(Decimal("12345.67"), "decimal128(7, 2)", id="precision"),
        pytest.param(Decimal("1.234"), "decimal128(6, 3)", id="scale"),
        pytest.param(Decimal("12345.678"), "decimal128(8, 3)", id="both"),
        pytest.param(Decimal(10) ** 35, "decimal128(38, 2)", id="as long as numbers are"),
        pytest.param(Decimal("9.9"), "decimal128(5, 2)", id="neither"),
    ],
)
def test_a_decimal_column_grows_to_its_numbers(table: Table, value: Decimal, kind: str) -> None:
    """Row 8, auto mapping on."""
    table.load({"id": 1, "name": "a", "size": MONEY})
    table.load({"id": 2, "name": "b", "size": value})
    assert table.types["size"] == kind
    assert table.column("size") == {1: MONEY, 2: value}
    assert table.failures == []


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(Decimal("12345.67"), id="precision"),
        pytest.param(Decimal("1.234"), id="scale"),
        pytest.param(Decimal("12345.678"), id="both"),
        pytest.param(99999, id="a whole number"),
        pytest.param(1e300, id="a float"),
    ],
)
def test_a_number_past_a_decimal_that_may_not_grow_fails(table: Table, value: Any) -> None:
    """Row 8, auto mapping off."""
    table.load({"id": 1, "name": "a", "size": MONEY})
    table.load({"id": 2, "name": "b", "size": value}, fixed=True)
    table.load({"id": 3, "name": "c", "size": Decimal("9.90000")}, fixed=True)
    assert table.types["size"] == "decimal128(5, 2)"
    assert table.column("size") == {1: MONEY, 3: Decimal("9.90")}
    assert table.failures == [("NUMERIC_OUT_OF_RANGE", "2")]


def test_two_pipelines_with_one_object_name_fill_one_table(table: Table, tmp_path: Path) -> None:
    """Row 13: the second maps onto the table that is there, and rows of both mix."""
    other = Table(tmp_path / "other")
    other.destination = table.destination
    other.catalog.scopes = table.catalog.scopes  # names are of the destination
    table.load({"id": 1, "name": "a"}, {"id": 2, "name": "b"})
    other.load({"id": 2, "name": "c", "city": "Rome"}, {"id": 3, "name": "d", "city": "Bonn"})
    assert list(table.destination.tables) == ["people"]
    assert table.column("name") == {1: "a", 2: "c", 3: "d"}
    assert table.column("city") == {1: None, 2: "Rome", 3: "Bonn"}


LARGE = 2**53 + 1


def test_whole_numbers_stay_exact_when_fractions_come(table: Table) -> None:
    table.load({"id": 1, "name": "a", "size": LARGE})
    table.load({"id": 2, "name": "b", "size": 0.25})
    table.load({"id": 3, "name": "c", "size": 1.125}, {"id": 4, "name": "d", "size": None})
    assert table.types["size"] == "decimal128(22, 3)"
    assert table.column("size") == {
        1: LARGE, 2: Decimal("0.25"), 3: Decimal("1.125"), 4: None,
    }  # fmt: skip
    assert table.warnings == []


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        # No decimal of 38 digits holds both: pipelines.md 12.9 says DOUBLE.
        ((LARGE, 1e300), "double"),
        ((LARGE, float("inf")), "double"),
        ((0.5, LARGE), "double"),
        ((0.5, 2**40), "double"),
        ((7, None), "int64"),
    ],
)
def test_whole_numbers_that_are_rounded_are_told_once(
    table: Table, values: tuple[Any, Any], kind: str
) -> None:
    sizes = [*values, values[1]]
    table.load_batches([{"id": at, "name": "a", "size": size}] for at, size in enumerate(sizes))
    assert table.types["size"] == kind
    assert [text for text in table.warnings if "rounded" in text] == table.warnings
    assert len(table.warnings) == (1 if LARGE in values else 0)


def test_slots_are_kept_for_all_columns_of_ours(table: Table) -> None:
    wide = {f"field_{at:02d}": at for at in range(40)}
    table.load({"id": 1, "name": "a", **wide}, mode=WriteMode.HISTORY, keep_op=True)
    # The double takes 40; the read and load times, the flag, the operation, three of history.
    assert len(table.types) == 33
    assert not any(column.name.startswith("_ps_") for column in table.mapping.columns)
