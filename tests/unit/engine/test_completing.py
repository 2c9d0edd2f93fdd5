"""Values that a log left out, put into its rows: of every type that columns have."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from penstock.core import metadata
from penstock.core.batch import Batch
from penstock.core.types import JSON
from penstock.engine.completing import _filled, _Found


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (JSON, ['{"a":1}', '{"b":2}']),
        (pa.string(), ["a", "b"]),
        (pa.list_(pa.string()), [["a"], ["b", None]]),
        (pa.timestamp("us", "UTC"), [1, 2]),
        (pa.decimal128(38, 9), [1, 2]),
    ],
)
def test_left_out_values_are_those_of_the_row_with_the_key(
    kind: pa.DataType, values: list[Any]
) -> None:
    there = Batch(
        "t", pa.RecordBatch.from_arrays([pa.array([1, 2]), _array(values, kind)], ["k", "v"])
    )
    out = pa.array([True, False, True])
    masks = pa.StructArray.from_arrays([out], ["v"])
    rows = pa.RecordBatch.from_arrays(
        [pa.array([2, 1, 9]), _array([None, values[1], None], kind), masks],
        ["k", "v", metadata.LEFT_OUT],
    )
    filled = _filled(rows, ("k",), {"v": out}, _Found(iter([there]), ("k",)))
    second = _array(values, kind)[1].as_py()
    assert filled.column("v").to_pylist() == [second, second, None]
    assert filled.column("v").type == kind
    assert filled.column(metadata.LEFT_OUT).field(0).to_pylist() == [False, False, True]


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == JSON:
        return pa.ExtensionArray.from_storage(JSON, pa.array(values, pa.string()))
    return pa.array(values, kind)
