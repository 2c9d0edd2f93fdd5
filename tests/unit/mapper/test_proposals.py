"""Columns proposed for fields that have none (pipelines.md 12.4)."""

from __future__ import annotations

import pyarrow as pa

from penstock.core.mapping import Left, Mapping
from penstock.mapper.limits import Limits
from penstock.mapper.proposals import Place, proposed

FIELDS = {
    "id": pa.int64(), "First Name": pa.string(), "first name": pa.string(),
    "when": pa.int64(), "extra": pa.string(),
}  # fmt: skip
SEEN = Mapping(
    "people", "", (),
    left=(*(Left(n, t) for n, t in FIELDS.items()), Left("no", pa.string(), "", True)),
)  # fmt: skip


def test_a_new_table_gets_a_clean_column_for_each_field() -> None:
    after = proposed(SEEN, Place("people", None, ("id",)), Limits())
    assert [(c.field, c.name) for c in after.columns] == [
        ("id", "id"), ("First Name", "first_name"), ("first name", "first_name_2"),
        ("when", "when"), ("extra", "extra"),
    ]  # fmt: skip
    assert (after.table, after.key) == ("people", ("id",))
    assert [item.field for item in after.left] == ["no"]


def test_columns_that_there_are_get_the_fields_of_their_clean_names() -> None:
    there = pa.schema(
        [("ID", pa.int32()), ("first_name", pa.string()), ("when", pa.timestamp("us")),
         ("other", pa.int8())]
    )  # fmt: skip
    after = proposed(SEEN, Place("mine", there, ("id",)), Limits())
    assert [(c.field, c.name, c.type.type) for c in after.columns] == [
        ("id", "ID", pa.int32()), ("First Name", "first_name", pa.string()),
        ("first name", "first_name_2", pa.string()),
        # No whole number is a moment: the field gets a column of its own.
        ("when", "when_2", pa.int64()), ("extra", "extra", pa.string()),
    ]  # fmt: skip
    assert after.key == ("ID",)


def test_what_a_table_has_no_room_for_stays_left() -> None:
    after = proposed(SEEN, Place("people", None, ("id",)), Limits(columns=3))
    assert [c.field for c in after.columns] == ["id", "First Name", "first name"]
    assert [(item.field, item.reason) for item in after.left] == [
        ("when", "the table already has 3 columns"), ("extra", "the table already has 3 columns"),
        ("no", ""),
    ]  # fmt: skip


def test_all_fields_that_wait_get_columns_beside_those_that_there_are() -> None:
    first = proposed(SEEN, Place("people", None, ("id",)), Limits(), only=["id"])
    assert [c.field for c in first.columns] == ["id"]
    after = proposed(first, Place("people", first.schema, ("id",)), Limits(), only=["no"])
    assert [c.field for c in after.columns] == ["id", "no"]
