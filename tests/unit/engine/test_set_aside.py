"""Raw forms of failed events: a source reads back the values that were read first."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import NAMESPACE_DNS, uuid5

import pyarrow as pa

from penstock.core.stream import Stream
from penstock.core.types import JSON, UUID, json_array
from penstock.engine.set_aside import raw_events
from penstock.sdk.replay import parse_events

VALUES = {
    "id": pa.array([1, None]),
    "text": pa.array(["42", 'a "b" \u2028 é']),
    "json": json_array(pa.array(['{"a":[1.10,"x"]}', None])),
    "flag": pa.array([True, None]),
    "money": pa.array([Decimal("1.1000000000"), None], pa.decimal128(38, 10)),
    "exact": pa.array([Decimal("12345678901234567890.123456789"), Decimal("0.5")]),
    "double": pa.array([0.1, None]),
    "odd": pa.array([float("inf"), 0.5]),
    "single": pa.array([0.1, None], pa.float32()),
    "bytes": pa.array([b"\x00\xff", None]),
    "day": pa.array([date(2026, 5, 31), None]),
    "clock": pa.array([time(1, 2, 3, 4), None], pa.time64("us")),
    "moment": pa.array([datetime(2026, 5, 31, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
    "local": pa.array([datetime(2026, 5, 31, 1), None], pa.timestamp("us")),  # noqa: DTZ001
    "uuid": pa.array([uuid5(NAMESPACE_DNS, "x").bytes, None], UUID),
    "list": pa.array([[1, 2], None], pa.list_(pa.int64())),
}
ROWS = pa.RecordBatch.from_arrays(list(VALUES.values()), list(VALUES))


def test_a_replay_reads_the_same_values() -> None:
    stream = Stream("x", ROWS.schema)
    again, unread = parse_events(stream, raw_events(ROWS))
    assert unread == []
    for name in ROWS.schema.names:
        if name != "list":
            assert again.column(name).to_pylist() == ROWS.column(name).to_pylist(), name
    assert again.schema.field("json").type == JSON
    assert json.loads(raw_events(ROWS)[0])["list"] == [1, 2]


def test_what_is_no_number_stays_none() -> None:
    rows = pa.RecordBatch.from_arrays([pa.array([float("nan"), None, 1.5])], ["x"])
    again, unread = parse_events(Stream("x", rows.schema), raw_events(rows))
    assert (str(again.column("x").to_pylist()), unread) == ("[nan, None, 1.5]", [])


def test_what_a_log_left_out_is_marked() -> None:
    rows = ROWS.select(["id", "text"])
    first, second = raw_events(rows, [["text"], []])
    assert json.loads(first) == {"id": 1, "_ps_left_out": ["text"]}
    assert "_ps_left_out" not in second
