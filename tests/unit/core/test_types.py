"""Logical types and their Arrow types."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penstock.core.errors import ConfigError
from penstock.core.types import (
    JSON,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    UUID,
    arrow_type,
    is_json,
    json_array,
    json_field,
    logical_name,
    normal,
)

NAMES = [
    ("BOOLEAN", pa.bool_()),
    ("BYTE", pa.int8()),
    ("SHORT", pa.int16()),
    ("INT", pa.int32()),
    ("LONG", pa.int64()),
    ("DECIMAL(10,2)", pa.decimal128(10, 2)),
    ("DECIMAL(60,4)", pa.decimal256(60, 4)),
    ("FLOAT", pa.float32()),
    ("DOUBLE", pa.float64()),
    ("STRING", pa.string()),
    ("BYTES", pa.binary()),
    ("DATE", pa.date32()),
    ("TIME", pa.time64("us")),
    ("TIMETZ", TIMETZ),
    ("TIMESTAMP", pa.timestamp("us")),
    ("TIMESTAMPTZ", pa.timestamp("us", tz="UTC")),
    ("UUID", UUID),
    ("JSON", JSON),
    ("ARRAY", pa.list_(pa.string())),
    ("UNKNOWN", pa.null()),
]


@pytest.mark.parametrize(("name", "kind"), NAMES)
def test_every_logical_type_has_one_arrow_type(name: str, kind: pa.DataType) -> None:
    assert logical_name(kind) == name
    assert arrow_type(name) == kind
    assert normal(kind) == kind


@pytest.mark.parametrize(
    ("kind", "ours"),
    [
        (pa.uint8(), pa.int16()),
        (pa.uint32(), pa.int64()),
        (pa.uint64(), pa.decimal128(20, 0)),
        (pa.timestamp("ns", tz="America/Chicago"), TIMESTAMPTZ),
        (pa.timestamp("s"), TIMESTAMP),
        (pa.large_string(), pa.string()),
        (pa.dictionary(pa.int32(), pa.string()), pa.string()),
        (pa.struct([("a", pa.int8())]), JSON),
        (pa.map_(pa.string(), pa.int8()), JSON),
        (pa.list_(pa.uint8()), pa.list_(pa.int16())),
        (pa.date64(), pa.date32()),
        (pa.binary(4), pa.binary()),
        (pa.decimal256(12, 2), pa.decimal128(12, 2)),
    ],
)
def test_foreign_arrow_types_have_a_nearest_of_ours(kind: pa.DataType, ours: pa.DataType) -> None:
    assert normal(kind) == ours


@pytest.mark.parametrize("name", ["INTEGER", "DECIMAL(77,0)", "DECIMAL(2,3)", "", "DECIMAL"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        arrow_type(name)


def test_names_may_be_written_loosely() -> None:
    assert arrow_type("decimal( 10, 2 )") == pa.decimal128(10, 2)
    assert arrow_type("string(255)") == pa.string()


def test_json_survives_parquet_and_joins_other_json() -> None:
    table = pa.table([json_array(pa.array(['{"a":1}', None]))], schema=pa.schema([json_field("j")]))
    file = io.BytesIO()
    pq.write_table(table, file)
    again = pq.read_table(file)
    assert is_json(again.schema.field("j"))
    assert pa.concat_tables([table, again])["j"].to_pylist() == ['{"a":1}', None] * 2
