"""Answers of a sandbox process that lies: none gets through."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from penstock.core.types import JSON, json_array
from penstock.transforms.python import wire
from penstock.transforms.python.answers import HostileError, greeted, parsed

ORIGIN = pa.array([0, 1, 1], pa.int32())
VALUES = pa.array([1, 2, None], pa.int64())


def body(
    *columns: pa.Array, nulls: dict[int, pa.Array] | None = None, origin: pa.Array = ORIGIN
) -> bytes:
    names = [f"f{place}" for place in range(len(columns))]
    return wire.encode(names, columns, nulls or {}, origin).to_pybytes()


def head(bytes_: int, **changed: Any) -> dict[str, Any]:
    output = {"name": "e", "keys": [], "fields": 1, "marks": [], "bytes": bytes_}
    given = {k: changed.pop(k) for k in ("refused", "console") if k in changed}
    return {"outputs": [{**output, **changed}], "refused": [], "console": [], **given}


def refusal(row: Any, sub_code: str = "TRANSFORM_EXCEPTION") -> dict[str, Any]:
    return {"row": row, "sub_code": sub_code, "reason": "", "line": None, "traceback": ""}


def test_an_honest_answer_passes() -> None:
    data = body(VALUES, nulls={0: pa.array([False, False, True])})
    answer = parsed(head(len(data), marks=[0], refused=[refusal(2)]), data, 3)
    assert answer.outputs[0].rows.to_pydict() == {"f0": [1, 2, None]}
    assert answer.outputs[0].nulls["f0"].to_pylist() == [False, False, True]
    assert [one.code for one in answer.refused] == ["TRANSFORM_ERROR"]


GOOD = body(VALUES)


@pytest.mark.parametrize(
    ("given", "data"),
    [
        pytest.param({}, b"", id="no answer at all"),
        pytest.param({"outputs": 1}, b"", id="outputs that are none"),
        pytest.param(head(len(GOOD), name=""), GOOD, id="no name"),
        pytest.param(head(len(GOOD), name="x" * 513), GOOD, id="a long name"),
        pytest.param(head(len(GOOD), name=7), GOOD, id="a name that is none"),
        pytest.param(head(len(GOOD) - 8), GOOD, id="bytes left over"),
        pytest.param(head(len(GOOD) + 8), GOOD, id="bytes missing"),
        pytest.param(head(-1), GOOD, id="less than nothing"),
        pytest.param(head(len(GOOD), fields=2), GOOD, id="fields that are not there"),
        pytest.param(head(len(GOOD), fields=0), GOOD, id="fields not counted"),
        pytest.param(head(len(GOOD), marks=[0]), GOOD, id="marks that are not there"),
        pytest.param(head(len(GOOD), marks=[-1]), GOOD, id="marks of no field"),
        pytest.param(head(len(GOOD), keys=["f0"]), GOOD, id="a key with null"),
        pytest.param(head(len(GOOD), keys=["x"]), GOOD, id="a key that is not there"),
        pytest.param(head(len(GOOD), refused=[refusal(1)]), GOOD, id="a row passed and refused"),
        pytest.param(
            head(len(GOOD), refused=[refusal(2), refusal(2)]), GOOD, id="a row refused twice"
        ),
        pytest.param(head(len(GOOD), refused=[refusal(3)]), GOOD, id="a row beyond the last"),
        pytest.param(head(len(GOOD), refused=[refusal(-1)]), GOOD, id="a row before the first"),
        pytest.param(head(len(GOOD), refused=[refusal("2")]), GOOD, id="a row that is text"),
        pytest.param(head(len(GOOD), refused=[refusal(2, "X")]), GOOD, id="an unknown code"),
        pytest.param(head(16), b"\xff\xff\xff\xff" * 4, id="no Arrow"),
        pytest.param(head(len(GOOD)), GOOD[:-64] + b"\xff" * 64, id="a broken end"),
    ],
)
def test_a_lie_is_found(given: dict[str, Any], data: bytes) -> None:
    with pytest.raises(HostileError):
        parsed(given, data, 3)


@pytest.mark.parametrize(
    ("column", "origin"),
    [
        pytest.param(VALUES, pa.array([1, 0, 0], pa.int32()), id="origins out of order"),
        pytest.param(VALUES, pa.array([0, 1, 3], pa.int32()), id="an origin beyond the last"),
        pytest.param(VALUES, pa.array([-1, 1, 1], pa.int32()), id="an origin before the first"),
        pytest.param(VALUES, pa.array([0, 1, None], pa.int32()), id="an origin of null"),
        pytest.param(pa.nulls(10_001), pa.array([0] * 10_001, pa.int32()), id="too many events"),
        pytest.param(VALUES.cast(pa.uint64()), ORIGIN, id="a type that is not ours"),
        pytest.param(pa.array(["a"] * 3).dictionary_encode(), ORIGIN, id="a dictionary"),
        pytest.param(pa.array([{"a": 1}] * 3), ORIGIN, id="a struct"),
        pytest.param(pa.array([[[1]]] * 3), ORIGIN, id="lists of lists"),
        pytest.param(json_array(pa.array(["{", None, "1"])), ORIGIN, id="JSON that is none"),
        pytest.param(json_array(pa.array(["1,2", None, "1"])), ORIGIN, id="two values in one"),
        pytest.param(json_array(pa.array(["[" * 10**6, None, "1"])), ORIGIN, id="deep JSON"),
    ],
)
def test_columns_that_are_none_of_ours_are_refused(column: pa.Array, origin: pa.Array) -> None:
    data = body(column, origin=origin)
    with pytest.raises(HostileError):
        parsed(head(len(data)), data, 3)


def test_origins_of_another_type_are_refused() -> None:
    batch = pa.record_batch({"f0": VALUES, "origin": ORIGIN.cast(pa.int64())})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    data = sink.getvalue().to_pybytes()
    with pytest.raises(HostileError, match="no origins"):
        parsed(head(len(data)), data, 3)


def test_text_that_is_no_utf8_is_refused() -> None:
    offsets = pa.py_buffer(pa.array([0, 1, 2, 3], pa.int32()).buffers()[1])
    text = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"\xff\xfe\xfd")])
    data = body(text)
    with pytest.raises(HostileError, match="UTF8"):
        parsed(head(len(data)), data, 3)


def test_a_compressed_answer_is_refused_before_it_is_unpacked() -> None:
    schema = pa.schema([("f0", pa.int64()), ("origin", pa.int32())])
    batch = pa.RecordBatch.from_arrays([VALUES, ORIGIN], schema=schema)
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        writer.write_batch(batch)
    data = sink.getvalue().to_pybytes()
    with pytest.raises(HostileError, match="compressed"):
        parsed(head(len(data)), data, 3)


@pytest.mark.parametrize(
    "given", [{}, {"console": 5}, {"console": [], "problem": 7}, {"console": [], "line": "x"}]
)
def test_a_false_answer_to_the_script_is_found(given: dict[str, Any]) -> None:
    with pytest.raises(HostileError):
        greeted(given)


def test_every_column_type_of_ours_passes() -> None:
    data = body(json_array(pa.array(['{"a":1}', None, "[1]"])))
    assert parsed(head(len(data)), data, 3).outputs[0].rows.schema.field(0).type == JSON
