"""Promotion of types."""

from itertools import permutations, product

import pyarrow as pa
import pytest

from penstock.core.types import JSON, TIMETZ, UUID, arrow_type, logical_name
from penstock.core.widen import common, widen

ORDER = [
    "UNKNOWN", "BOOLEAN", "BYTE", "SHORT", "INT", "LONG", "DECIMAL(10,2)", "FLOAT", "DOUBLE",
    "STRING", "BYTES", "DATE", "TIME", "TIMETZ", "TIMESTAMP", "TIMESTAMPTZ", "UUID", "JSON",
]  # fmt: skip
CHAINS = {
    ("BYTE", "SHORT"): "SHORT",
    ("BYTE", "INT"): "INT",
    ("BYTE", "LONG"): "LONG",
    ("SHORT", "INT"): "INT",
    ("SHORT", "LONG"): "LONG",
    ("INT", "LONG"): "LONG",
    ("BYTE", "DECIMAL(10,2)"): "DECIMAL(10,2)",
    ("SHORT", "DECIMAL(10,2)"): "DECIMAL(10,2)",
    ("INT", "DECIMAL(10,2)"): "DECIMAL(12,2)",
    ("LONG", "DECIMAL(10,2)"): "DECIMAL(21,2)",
    ("BYTE", "FLOAT"): "DOUBLE",
    ("SHORT", "FLOAT"): "DOUBLE",
    ("INT", "FLOAT"): "DOUBLE",
    ("LONG", "FLOAT"): "DOUBLE",
    ("BYTE", "DOUBLE"): "DOUBLE",
    ("SHORT", "DOUBLE"): "DOUBLE",
    ("INT", "DOUBLE"): "DOUBLE",
    ("LONG", "DOUBLE"): "DOUBLE",
    ("FLOAT", "DOUBLE"): "DOUBLE",
    ("DATE", "TIMESTAMP"): "TIMESTAMP",
    ("DATE", "TIMESTAMPTZ"): "TIMESTAMPTZ",
    ("TIMESTAMP", "TIMESTAMPTZ"): "TIMESTAMPTZ",
}


def _expected(left: str, right: str) -> str:
    if left == right or right == "UNKNOWN":
        return left
    if left == "UNKNOWN":
        return right
    return CHAINS.get((left, right)) or CHAINS.get((right, left)) or "STRING"


@pytest.mark.parametrize(("left", "right"), list(product(ORDER, ORDER)))
def test_every_pair_widens_as_the_chains_say(left: str, right: str) -> None:
    assert logical_name(widen(arrow_type(left), arrow_type(right))) == _expected(left, right)


@pytest.mark.parametrize(
    ("left", "right", "wide"),
    [
        pytest.param((10, 2), (8, 6), pa.decimal128(14, 6), id="larger whole part and scale"),
        pytest.param((38, 0), (38, 10), pa.decimal256(48, 10), id="past 38 digits"),
        pytest.param((76, 0), (38, 10), pa.string(), id="past 76 digits text"),
        pytest.param((3, 3), (1, 0), pa.decimal128(4, 3), id="no whole part"),
    ],
)
def test_decimals(left: tuple[int, int], right: tuple[int, int], wide: pa.DataType) -> None:
    make = {True: pa.decimal128, False: pa.decimal256}
    kinds = [make[precision <= 38](precision, scale) for precision, scale in (left, right)]
    assert widen(*kinds) == widen(*reversed(kinds)) == wide


def test_arrays_widen_by_their_items() -> None:
    assert widen(pa.list_(pa.int8()), pa.list_(pa.int64())) == pa.list_(pa.int64())
    assert widen(pa.list_(pa.int8()), JSON) == pa.string()


def test_fields_are_as_good_as_types() -> None:
    assert widen(pa.field("a", pa.int8()), pa.field("a", pa.int16())) == pa.int16()


def test_the_order_of_arrival_does_not_matter() -> None:
    kinds = [
        pa.null(), pa.bool_(), pa.int16(), pa.int64(), pa.decimal128(12, 4), pa.float64(),
        pa.string(), pa.date32(), pa.timestamp("us"), pa.timestamp("us", tz="UTC"), JSON, UUID,
        TIMETZ, pa.decimal256(70, 3),
    ]  # fmt: skip
    for three in permutations(kinds, 3):
        a, b, c = three
        assert widen(widen(a, b), c) == widen(a, widen(b, c)), three


def test_common_of_nothing_is_unknown() -> None:
    assert common([]) == pa.null()
    assert common([pa.int8(), pa.null(), pa.int32()]) == pa.int32()
