"""What becomes of events where auto mapping is off, or users changed the table (12.2)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from penstock.core.mapping import Left
from unit.engine.doubles import PEOPLE
from unit.engine.one_table import DuckTable

ADA = {"id": 1, "name": "Ada"}


@pytest.fixture
def table(tmp_path: Path) -> DuckTable:
    return DuckTable(tmp_path)


@pytest.fixture
def by_hand(table: DuckTable) -> DuckTable:
    """A table that auto mapping made, and that is kept as it is from now on."""
    table.load(ADA | {"age": 7, "money": Decimal("1.50")})
    table.decide(auto=False)
    return table


def test_a_new_event_type_waits_and_its_fields_are_learned(table: DuckTable) -> None:
    books = table.load(ADA | {"town": "Pune"}, {"id": 2, "name": "Bo", "town": None}, auto=False)
    assert (books.read, books.failed, books.loaded) == (2, 2, 0)
    assert table.failures() == [("UNMAPPED_EVENT_TYPE", "1"), ("UNMAPPED_EVENT_TYPE", "2")]
    assert (table.mapping.table, {*table.left}) == ("", {"id", "name", "town"})
    assert ["penstock mapping map p people" in text for text in table.warnings] == [True]
    assert table.sql("select * from information_schema.tables where table_name = 'people'") == []


def test_the_switch_of_the_event_type_wins(table: DuckTable) -> None:
    table.load(ADA, auto=False)
    table.decide(auto=True, left=())
    table.load(ADA, auto=False)
    assert table.columns("name") == [("Ada",)]
    table.decide(auto=False)
    table.load(ADA | {"city": "Pune"}, auto=True)
    assert table.left == {"city": "auto mapping is off"}


def test_a_table_that_was_mapped_by_hand_is_filled(table: DuckTable) -> None:
    table.load(ADA, auto=False)
    table.map()
    assert table.load(ADA, auto=False).failed == 0
    assert table.columns("id", "name") == [(1, "Ada")]


def test_a_new_field_is_not_loaded_and_told_of(by_hand: DuckTable) -> None:
    by_hand.load(ADA | {"town": "Pune"})
    assert by_hand.left == {"town": "auto mapping is off"}
    assert by_hand.warnings == ["Field 'town' is not loaded: auto mapping is off."]
    by_hand.decide(left=(replace(by_hand.mapping.left[0], ignored=True),))
    by_hand.load(ADA | {"town": "Bonn"})
    assert by_hand.warnings == []


def test_many_new_fields_are_told_of_at_once(by_hand: DuckTable) -> None:
    by_hand.load(ADA | {f"f{at}": at for at in range(7)})
    assert by_hand.warnings == [
        "Fields 'f0', 'f1', 'f2', 'f3', 'f4' and 2 more are not loaded: auto mapping is off."
    ]


def test_nothing_is_told_of_a_field_of_nulls(by_hand: DuckTable) -> None:
    by_hand.load(ADA | {"town": None})
    assert (by_hand.left, by_hand.warnings) == ({}, [])


def test_a_field_of_which_only_nulls_were_seen_has_no_column_by_hand(table: DuckTable) -> None:
    table.load(ADA | {"town": None})
    table.decide(auto=False)
    assert table.load(ADA | {"town": "Pune"}).failed == 0
    assert table.left == {"town": "auto mapping is off"}


def test_a_field_that_is_gone_or_renamed_leaves_its_column_empty(by_hand: DuckTable) -> None:
    by_hand.load(ADA | {"years": None}, {"id": 2, "name": "Bo", "years": 9})
    assert by_hand.columns("id", "age") == [(1, None), (2, None)]
    assert [*by_hand.left] == ["years"]


@pytest.mark.parametrize(
    ("field", "good", "bad", "code"),
    [
        ("age", 8, Decimal("8.5"), "INCOMPATIBLE_TYPE"),
        ("age", "8", "old", "INCOMPATIBLE_TYPE"),
        ("age", None, [1], "INCOMPATIBLE_TYPE"),
        ("money", Decimal("2.50"), Decimal("123456789.50"), "NUMERIC_OUT_OF_RANGE"),
    ],
)
def test_rows_that_do_not_fit_fail_alone(
    by_hand: DuckTable, field: str, good: Any, bad: Any, code: str
) -> None:
    before = by_hand.mapping.schema
    by_hand.load({"id": 2, "name": "Bo", field: good})
    books = by_hand.load({"id": 3, "name": "Cy", field: bad})
    assert (books.loaded, books.failed, by_hand.failures()) == (0, 1, [(code, "3")])
    assert by_hand.mapping.schema == before


def test_another_key_in_the_source_changes_nothing(by_hand: DuckTable) -> None:
    by_hand.load(ADA, stream=replace(PEOPLE, primary_key=("id", "name")))
    assert by_hand.mapping.key == ("id",)


def test_a_field_of_a_name_that_a_user_gave_another_one_waits(table: DuckTable) -> None:
    table.load(ADA)
    id_, name = table.mapping.columns
    table.decide(columns=(id_, replace(name, name="town", type=name.type.with_name("town"))))
    table.load(ADA | {"town": "Pune"}, {"id": 2, "name": "Bo", "town": "Bonn"})
    assert table.columns("town", "town_2") == [("Ada", "Pune"), ("Bo", "Bonn")]


def test_a_field_that_was_taken_out_stays_out(table: DuckTable) -> None:
    table.load(ADA | {"town": "Pune"})
    table.catalog.mappings["people"] = table.mapping.leaving(Left("town", pa.string(), "", True))
    table.load({"id": 2, "name": "Bo", "town": "Bonn"}, verified=False)
    assert table.columns("id", "town") == [(1, "Pune"), (2, None)]


def test_skipped_events_are_dropped_and_no_row_is_taken_for_gone(table: DuckTable) -> None:
    table.load(ADA, {"id": 2, "name": "Bo"})
    table.decide(skipped=True)
    books = table.load({"id": 2, "name": "changed"})
    assert (books.read, books.filtered, books.loaded, books.flagged) == (1, 1, 0, 0)
    table.decide(skipped=False)
    assert table.load(ADA, {"id": 2, "name": "Bob"}).flagged == 0
    assert table.columns("id", "name") == [(1, "Ada"), (2, "Bob")]


@pytest.mark.parametrize("auto", [True, False])
def test_a_table_that_was_dropped(table: DuckTable, auto: bool) -> None:
    table.load(ADA)
    table.decide(auto=auto)
    assert table.load(ADA).failed == 0
    assert table.outside == []
    table.sql("drop table people")
    books = table.load(ADA)
    if auto:
        assert table.outside == [
            "The table people was dropped in the destination; it is made again."
        ]
        assert (books.loaded, table.columns("name")) == (1, [("Ada",)])
    else:
        assert table.outside[0].startswith("people is unmapped: the table people was dropped")
        assert (books.failed, table.mapping.table, [*table.left]) == (1, "", ["id", "name"])


@pytest.mark.parametrize("auto", [True, False])
def test_a_column_that_was_dropped(table: DuckTable, auto: bool) -> None:
    table.load(ADA)
    table.decide(auto=auto)
    table.sql("alter table people drop column name")
    assert table.load({"id": 2, "name": "Bo"}, verified=False).loaded == 1
    if auto:
        assert table.columns("id", "name") == [(1, None), (2, "Bo")]
    else:
        assert table.left == {"name": "its column was dropped in the destination"}
        assert table.outside == [
            "The column name of people was dropped in the destination: name is not loaded."
        ]
        assert "name" not in [row[0] for row in table.sql("describe people")]


@pytest.mark.parametrize("auto", [True, False])
def test_a_column_that_a_user_added_is_left_alone(table: DuckTable, auto: bool) -> None:
    table.load(ADA)
    table.decide(auto=auto)
    table.sql("alter table people add column mine varchar default 'x'", "update people set mine=1")
    table.load(ADA | {"name": "Eve"})
    assert table.columns("name", "mine") == [("Eve", "1")]
    assert table.outside == []


@pytest.mark.parametrize("auto", [True, False])
def test_a_column_whose_type_was_changed(table: DuckTable, auto: bool) -> None:
    table.load(ADA | {"age": 7})
    table.decide(auto=auto)
    table.sql("alter table people alter age type smallint")
    table.load(
        {"id": 2, "name": "Bo", "age": 8},
        {"id": 3, "name": "Cy", "age": 70_000},
        verified=False,
    )
    types = {row[0]: row[1] for row in table.sql("describe people")}
    if auto:
        assert (types["age"], table.outside) == ("BIGINT", [])
        assert table.columns("age") == [(7,), (8,), (70_000,)]
    else:
        assert types["age"] == "SMALLINT"
        (told,) = table.outside
        assert told.startswith("The column age of people was LONG and is SHORT now: values are")
        assert table.failures() == [("INCOMPATIBLE_TYPE", "3")]
        assert table.columns("age") == [(7,), (8,)]
        table.load({"id": 2, "name": "Bo", "age": 9})
        assert table.outside == []


def test_rows_that_were_staged_before_a_decision_go_where_they_were_to_go(table: DuckTable) -> None:
    table.load(ADA | {"town": "Pune"})
    staged = table.mapping
    assert staged.holds(staged)
    moved = staged.leaving(Left("town", pa.string()))
    assert (moved.holds(staged), staged.holds(moved)) == (False, True)
    assert not staged.changed(table="other").holds(staged)
