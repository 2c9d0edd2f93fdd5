"""Tables that are made, grow, and are changed by others (pipelines.md 7 and 12)."""

from __future__ import annotations

import json
import math
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pytest

from penstock.core import metadata
from penstock.core.errors import ConfigError, SchemaConflict
from penstock.core.load import WriteMode
from penstock.core.types import JSON, TIME, TIMESTAMP, TIMESTAMPTZ, UUID, Logical, logical
from penstock.sdk.conformance.kit import PEOPLE, Loads, Suite, read
from penstock.sdk.sql import SqlDestination

MOMENT: Final = datetime(2024, 2, 29, 12, 30, 15, 123_456, tzinfo=UTC)
_ID: Final = uuid.UUID("12345678-1234-5678-1234-567812345678")
WIDE: Final = pa.decimal256(60, 20)
# Type, value as it is staged, value as it is read.
VALUES: Final[list[tuple[pa.DataType, Any, Any]]] = [
    (pa.bool_(), True, True),
    (pa.int8(), -128, -128),
    (pa.int16(), 32_767, 32_767),
    (pa.int32(), -(1 << 31), -(1 << 31)),
    (pa.int64(), (1 << 63) - 1, (1 << 63) - 1),
    (pa.float32(), 0.25, 0.25),
    (pa.float64(), 0.1, 0.1),
    (
        pa.decimal128(38, 10),
        Decimal("-1234567890123456789.0123456789"),
        Decimal("-1234567890123456789.0123456789"),
    ),
    (pa.string(), "é😀\n'\"\\", "é😀\n'\"\\"),
    (pa.string(), "", ""),
    (pa.binary(), b"\x00\xff'", b"\x00\xff'"),
    (pa.date32(), date(1, 1, 1), date(1, 1, 1)),
    (TIME, time(23, 59, 59, 999_999), time(23, 59, 59, 999_999)),
    (TIMESTAMP, MOMENT.replace(tzinfo=None), MOMENT.replace(tzinfo=None)),
    (TIMESTAMPTZ, MOMENT, MOMENT),
    (UUID, _ID.bytes, _ID),
    (JSON, '{"a":[1,null,"x"]}', {"a": [1, None, "x"]}),
]
# Old type and value, new type and value, the old value as it is then (12.9).
PROMOTIONS: Final[list[tuple[pa.DataType, Any, pa.DataType, Any, Any]]] = [
    (pa.bool_(), True, pa.string(), "x", "true"),
    (pa.int8(), 1, pa.int16(), 300, 1),
    (pa.int16(), 1, pa.int32(), 70_000, 1),
    (pa.int32(), 1, pa.int64(), 1 << 40, 1),
    (pa.int64(), (1 << 63) - 1, pa.decimal128(21, 2), Decimal("0.25"), Decimal((1 << 63) - 1)),
    (pa.decimal128(5, 2), Decimal("1.50"), pa.decimal128(8, 4), Decimal("0.0001"), Decimal("1.5")),
    (pa.decimal128(5, 2), Decimal("1.50"), pa.string(), "x", "1.50"),
    (pa.int64(), 7, pa.string(), "x", "7"),
    (pa.int32(), 7, pa.float64(), 0.5, 7.0),
    (pa.float32(), 0.25, pa.float64(), 0.1, 0.25),
    (pa.float64(), 0.1, pa.string(), "x", "0.1"),
    (pa.float64(), 5.0, pa.string(), "x", "5"),
    (pa.float64(), -1e-7, pa.string(), "x", "-1e-7"),
    (pa.float64(), 0.000012, pa.string(), "x", "0.000012"),
    (pa.float64(), 12_345_678_901.5, pa.string(), "x", "1.23456789015e+10"),
    (pa.float64(), -1e10, pa.string(), "x", "-1e+10"),
    (pa.float64(), 1.5e300, pa.string(), "x", "1.5e+300"),
    (pa.float64(), math.nan, pa.string(), "x", "NaN"),
    (pa.float64(), -math.inf, pa.string(), "x", "-Infinity"),
    (pa.decimal128(4, 4), Decimal("-0.0005"), pa.string(), "x", "-0.0005"),
    (pa.date32(), date(2024, 2, 29), TIMESTAMP, MOMENT.replace(tzinfo=None), datetime(2024, 2, 29)),  # noqa: DTZ001
    (TIMESTAMP, MOMENT.replace(tzinfo=None), TIMESTAMPTZ, MOMENT, MOMENT),
    (pa.date32(), date(2024, 2, 29), pa.string(), "x", "2024-02-29"),
    (TIMESTAMP, MOMENT.replace(tzinfo=None), pa.string(), "x", "2024-02-29T12:30:15.123456"),
    (TIMESTAMPTZ, MOMENT, pa.string(), "x", "2024-02-29T12:30:15.123456Z"),
    (TIME, time(1, 2, 3), pa.string(), "x", "01:02:03"),
    (UUID, _ID.bytes, pa.string(), "x", str(_ID)),
    (JSON, '{"a":[1,"b c"]}', pa.string(), "x", '{"a":[1,"b c"]}'),
    (pa.binary(), b"\x00\xff", pa.string(), "x", "AP8="),
]
NAMES: Final = [
    'with "quotes"',
    "select",
    "rowid",
    "MixedCase",
    "with space",
    "a.b",
    "a%b?",
    "ümläut",
    "x'y",
]


def shaped(kind: pa.DataType) -> pa.Schema:
    return pa.schema([("id", pa.int64()), ("v", kind)])


def plain(value: Any) -> Any:
    """A value as read, in the form of the tables above."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    return value


def same(found: Any, wanted: Any) -> bool:
    """Drivers differ in how they hand over JSON, numbers and UUIDs."""
    found = plain(found)
    if isinstance(wanted, dict) and isinstance(found, str):
        found = json.loads(found)
    if isinstance(wanted, uuid.UUID):
        found = uuid.UUID(bytes=found) if isinstance(found, bytes) else uuid.UUID(str(found))
    return bool(found == wanted)


# Short words that somebody who writes a statement may choose as well.
WORDS: Final = (
    "number", "kind", "place", "same", "starts", "first", "newest", "asked", "running", "following",
    "least", "todo", "stored", "done", "fresh", "gone", "key", "keys", "s", "t", "x", "k", "rows",
    "position", "value", "count", "next_kind", "active_from", "order", "index",
)  # fmt: skip


class Shapes(Suite):
    """Tests of columns: their types, their names, their number, and what others do to them."""

    def first_mode(self, destination: SqlDestination) -> WriteMode:
        modes = destination.capabilities.modes
        return WriteMode.MERGE if WriteMode.MERGE in modes else WriteMode.APPEND

    @pytest.mark.parametrize(("kind", "value", "wanted"), VALUES)
    def test_a_value_arrives_as_it_is(
        self, destination: SqlDestination, loads: Loads, kind: pa.DataType, value: Any, wanted: Any
    ) -> None:
        rows = [{"id": 1, "v": value}, {"id": 2, "v": None}]
        mode = self.first_mode(destination)
        self.put(destination, loads(rows, mode, shape=shaped(kind)))
        (_, first), (_, second) = read(destination, "id", "v")
        assert same(first, wanted)
        assert second is None
        described = destination.describe("people")
        assert described is not None
        family = logical(described.field("v").type)
        same_family = {Logical.BYTE: Logical.SHORT, Logical.FLOAT: Logical.DOUBLE}
        assert family in (logical(kind), same_family.get(logical(kind)))

    def test_numbers_past_38_digits_keep_each(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        number = Decimal("1234567890123456789012345678901234567890.12345678901234567891")
        load = loads([{"id": 1, "v": number}], self.first_mode(destination), shape=shaped(WIDE))
        self.put(destination, load)
        ((found,),) = read(destination, "v")
        assert Decimal(found) == number

    @pytest.mark.parametrize(("old", "before", "new", "after", "kept"), PROMOTIONS)
    def test_a_column_widens_and_keeps_its_values(
        self,
        destination: SqlDestination,
        loads: Loads,
        old: pa.DataType,
        before: Any,
        new: pa.DataType,
        after: Any,
        kept: Any,
    ) -> None:
        mode = self.first_mode(destination)
        if not destination.capabilities.nonfinite and before in (math.inf, -math.inf, math.nan):
            kept = None
        self.put(destination, loads([{"id": 1, "v": before}], mode, shape=shaped(old)))
        wider = loads([{"id": 2, "v": after}], mode, shape=shaped(new))
        kinds = {destination.dialect.type_name(pa.field("v", kind)) for kind in (old, new)}
        if len(kinds) == 2 and not destination.capabilities.widen_column:
            with pytest.raises(SchemaConflict) as raised:
                self.put(destination, wider)
            assert raised.value.code == "schema.cannot_widen"
            return
        self.put(destination, wider)
        found = read(destination, "id", "v")
        assert [key for key, _ in found] == [1, 2]
        assert same(found[0][1], kept)
        assert same(found[1][1], after)
        # A package of before the change goes into the column as it is now.
        self.put(destination, loads([{"id": 3, "v": before}], mode, shape=shaped(old)))
        assert same(read(destination, "id", "v")[2][1], kept)

    def test_evolving_twice_does_nothing(self, destination: SqlDestination) -> None:
        mode = self.first_mode(destination)
        wanted = pa.schema([*PEOPLE, ("more", pa.string())])
        assert len(destination.changes("people", PEOPLE, ("id",))) == 1
        assert destination.describe("people") is None
        assert len(destination.evolve("people", PEOPLE, ("id",), mode=mode)) == 1
        assert len(destination.changes("people", wanted, ("id",))) == 1
        assert len(destination.evolve("people", wanted, ("id",), mode=mode)) == 1
        assert destination.evolve("people", wanted, ("id",), mode=mode) == []
        assert destination.evolve("people", PEOPLE, ("id",), mode=mode) == []
        assert destination.changes("people", wanted, ("id",)) == []

    def test_a_column_of_nulls_waits_for_a_value(self, destination: SqlDestination) -> None:
        shape = pa.schema([("id", pa.int64()), ("v", pa.string()), ("n", pa.null())])
        destination.evolve("people", shape, ("id",), mode=self.first_mode(destination))
        described = destination.describe("people")
        assert described is not None
        assert "n" not in described.names

    @pytest.mark.parametrize("name", NAMES)
    def test_any_name_can_be_used(
        self, destination: SqlDestination, loads: Loads, name: str
    ) -> None:
        shape = pa.schema([(name, pa.int64()), ("v", pa.string())])
        for mode in sorted(destination.capabilities.modes):
            table = f"{name} {mode}"
            for v, at in (("a", 100), ("b", 200)):
                rows = [{name: 1, "v": v, "at": at}]
                self.put(destination, loads(rows, mode, shape=shape, table=table, key=(name,)))
            assert (1, "b") in read(destination, name, "v", table=table)

    @pytest.mark.parametrize("mode", list(WriteMode))
    def test_names_of_columns_are_never_taken_for_words_of_ours(
        self, destination: SqlDestination, loads: Loads, mode: WriteMode
    ) -> None:
        self.needs(destination, mode)
        shape = pa.schema([(name, pa.string()) for name in WORDS])
        for at, v in ((100, "a"), (200, "b"), (300, "b")):
            rows = [dict.fromkeys(WORDS, v) | {"number": str(n), "at": at} for n in range(9)]
            load = loads(rows, mode, shape=shape, key=("number",))
            assert self.put(destination, load).rows == 9
        many = {WriteMode.MERGE: 9, WriteMode.APPEND: 27, WriteMode.HISTORY: 18}[mode]
        found = read(destination, *WORDS)
        assert len(found) == many
        assert {row[1:] for row in found} <= {(v,) * (len(WORDS) - 1) for v in "ab"}

    def test_names_that_the_engine_keeps_are_refused(self, destination: SqlDestination) -> None:
        for name in sorted(destination.capabilities.reserved_columns):
            with pytest.raises(ConfigError) as raised:
                destination.evolve(
                    "people", shaped_as(name), ("id",), mode=self.first_mode(destination)
                )
            assert raised.value.code == "config.reserved_name"

    def test_upper_case_names_are_kept(self, destination: SqlDestination, loads: Loads) -> None:
        load = loads([{"id": 1, "v": "a"}], self.first_mode(destination), table="People")
        self.put(destination, load)
        assert read(destination, "id", table="People") == [(1,)]

    @pytest.mark.parametrize("letter", ["a", "é"])
    def test_names_as_long_as_declared(
        self, destination: SqlDestination, loads: Loads, letter: str
    ) -> None:
        limits = destination.capabilities
        width = len(letter.encode()) if limits.name_unit == "bytes" else 1
        table, column = (
            letter * (most // width) for most in (limits.table_limit, limits.column_limit)
        )
        shape = pa.schema([("id", pa.int64()), (column, pa.string())])
        mode = self.first_mode(destination)
        self.put(destination, loads([{"id": 1, column: "a"}], mode, shape=shape, table=table))
        assert read(destination, "id", column, table=table) == [(1, "a")]
        for longer, fields in ((table + letter, shape), (table, shaped_as(column + letter))):
            with pytest.raises(ConfigError) as raised:
                destination.evolve(longer, fields, ("id",), mode=mode)
            assert raised.value.code == "config.name_too_long"

    def test_more_columns_than_declared_are_refused(self, destination: SqlDestination) -> None:
        most = destination.capabilities.max_columns
        shape = pa.schema([(f"c{n}", pa.int64()) for n in range(most + 1)])
        with pytest.raises(ConfigError) as raised:
            destination.evolve("wide", shape, (), mode=WriteMode.APPEND)
        assert raised.value.code == "config.too_many_columns"
        assert destination.describe("wide") is None

    def test_a_dropped_table_is_made_anew(self, destination: SqlDestination, loads: Loads) -> None:
        mode = self.first_mode(destination)
        self.put(destination, loads([{"id": 1, "v": "a"}], mode))
        self.run(destination, f"DROP TABLE {destination.qualified('people')}")
        self.put(destination, loads([{"id": 2, "v": "b"}], mode))
        assert read(destination, "id", "v") == [(2, "b")]

    def test_a_table_can_be_dropped_and_is_made_anew(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        mode = self.first_mode(destination)
        self.put(destination, loads([{"id": 1, "v": "old"}], mode))
        destination.drop("people")
        assert destination.describe("people") is None
        destination.drop("people")
        self.put(destination, loads([{"id": 2, "v": "new", "at": 200}], mode))
        assert read(destination, "id", "v") == [(2, "new")]

    def test_a_dropped_column_is_made_anew(self, destination: SqlDestination, loads: Loads) -> None:
        mode = self.first_mode(destination)
        self.put(destination, loads([{"id": 1, "v": "a"}], mode))
        table = destination.qualified("people")
        for column in ("v", "_ps_loaded_at", "_ps_deleted"):
            self.run(destination, f"ALTER TABLE {table} DROP COLUMN {destination.quote(column)}")
        self.put(destination, loads([{"id": 2, "v": "b"}], mode))
        assert read(destination, "id", "v", "_ps_deleted", "_ps_loaded_at") == [
            (1, None, None, None),
            (2, "b", False, 999),
        ]

    def test_a_column_of_the_user_is_left_alone(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.MERGE)
        self.put(destination, loads([{"id": 1, "v": "a"}, {"id": 2, "v": "x"}]))
        table = destination.qualified("people")
        self.run(destination, f"ALTER TABLE {table} ADD COLUMN mine INTEGER")
        self.run(destination, f"UPDATE {table} SET mine = 42")
        later = [{"id": n, "v": "b", "at": 200} for n in (1, 3)]
        self.put(destination, loads([*later, {"id": 2, "op": "D", "at": 200}]))
        assert read(destination, "id", "v", "mine") == [(1, "b", 42), (2, "x", 42), (3, "b", None)]

    def test_the_check_passes_and_leaves_nothing(self, destination: SqlDestination) -> None:
        steps = list(destination.check())
        assert [step.name for step in steps if not step.ok] == []
        mode = self.first_mode(destination)
        assert [step.name for step in steps][-4:] == ["create", "insert", mode.value, "drop"]
        with destination.looking() as tx:
            assert tx is None or destination.columns(tx, metadata.LEDGER) is None


def shaped_as(column: str) -> pa.Schema:
    return pa.schema([("id", pa.int64()), (column, pa.string())])
