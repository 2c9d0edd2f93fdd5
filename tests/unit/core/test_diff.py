"""Differences between a table and its rows."""

import pyarrow as pa

from penstock.core.diff import SchemaChange, diff
from penstock.core.types import JSON

A, B = pa.field("a", pa.int32()), pa.field("b", pa.string())


def test_no_table_yet_adds_every_column() -> None:
    assert diff(None, pa.schema([A, B])) == SchemaChange(added=(A, B))


def test_the_same_shape_needs_nothing() -> None:
    assert diff(pa.schema([A, B]), pa.schema([B, A])).is_empty


def test_new_wider_and_missing_columns_are_told_apart() -> None:
    wanted = pa.schema([("a", pa.int64()), ("c", JSON)])
    assert diff(pa.schema([A, B]), wanted) == SchemaChange(
        added=(pa.field("c", JSON),),
        widened=(("a", pa.int32(), pa.int64()),),
        missing=("b",),
    )


def test_narrower_rows_change_nothing() -> None:
    assert diff(pa.schema([A, B]), pa.schema([("a", pa.int8()), ("b", pa.date32())])).is_empty


def test_a_column_of_nulls_is_not_added() -> None:
    assert diff(pa.schema([A]), pa.schema([A, pa.field("n", pa.null())])).is_empty


def test_another_way_to_hold_the_same_kind_is_no_change() -> None:
    assert diff(pa.schema([("b", pa.large_string())]), pa.schema([B])).is_empty
