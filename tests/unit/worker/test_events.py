"""Failed events as a source."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penstock.core.batch import Batch
from penstock.core.records import FailedRow
from penstock.core.stream import RowId, Stream
from penstock.engine.part import EVENTS
from penstock.engine.staging import LocalStaging
from penstock.sdk.row_ids import row_id
from penstock.sdk.source import ReadContext
from penstock.worker.events import ReplaySource
from unit.engine.doubles import ListSource

FEED = Stream("feed", pa.schema([("n", pa.int64())]), row_id=RowId())
EVENT = {"object": "feed", "stage": "", "code": "", "reason": "", "op": "R", "seq": 0, "attempt": 0}
RAW = [
    # A row that was read and typed has its id; one that never was a row gets it now.
    ('{"n": 1, "at": "2025-01-01 00:00:00"}', "known"),
    ('{"n":2.0}', None),
    ('{"n":', None),
]


def replayed(folder: Path, stream: Stream, schema: pa.Schema) -> Batch:
    staging = LocalStaging(folder, folder)
    events = [{**EVENT, "raw": raw, "row_id": known, "ingested_at": 5} for raw, known in RAW]
    pq.write_table(pa.Table.from_pylist(events, schema=schema), folder / "f.parquet")
    rows = [
        FailedRow("feed", "feed", "", "", "", "f.parquet", at, ingested_at=5, id=at + 1)
        for at in range(len(RAW))
    ]
    source = ReplaySource(ListSource([], stream), rows, staging, lambda: {1, 2, 3}, {})
    [split] = source.plan(source.discover())
    [batch] = source.read(split, None, ReadContext())
    return batch


def test_rows_without_a_key_come_again_under_their_first_ids(tmp_path: Path) -> None:
    batch = replayed(tmp_path, FEED, EVENTS)
    assert batch.row_ids.to_pylist() == ["known", row_id(b'{"n":2}', RowId())]
    assert batch.num_rows == 2
    assert [event.raw for event in batch.failed] == ['{"n":']


@pytest.mark.parametrize("stream", [FEED, Stream("feed", FEED.schema, ("n",))])
def test_events_of_before_there_were_ids_can_be_read(tmp_path: Path, stream: Stream) -> None:
    batch = replayed(tmp_path, stream, EVENTS.remove(EVENTS.get_field_index("row_id")))
    assert batch.num_rows == 2
    assert (batch.row_ids is None) == bool(stream.primary_key)
