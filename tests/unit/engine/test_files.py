"""Staged files: row groups of some thousand rows, every row in its place."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.engine.files import StagedFile

SCHEMA = pa.schema([("id", pa.int64()), ("text", pa.string())])


def batch(first: int, rows: int, text: str = "x") -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"id": list(range(first, first + rows)), "text": [text] * rows}, schema=SCHEMA
    )


def test_small_batches_share_a_row_group_and_keep_their_order(tmp_path: Path) -> None:
    file = StagedFile(tmp_path / "a.parquet", SCHEMA)
    for number in range(20):
        file.write(batch(number * 1_000, 1_000))
    file.close()
    file.close()
    read = pq.ParquetFile(tmp_path / "a.parquet")
    assert read.num_row_groups == 3
    assert read.read().column("id").to_pylist() == list(range(20_000))


def test_wide_rows_do_not_pile_up_in_memory(tmp_path: Path) -> None:
    file = StagedFile(tmp_path / "a.parquet", SCHEMA)
    for number in range(10):
        file.write(batch(number, 1, "x" * 3_000_000))
    file.close()
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 5


def test_a_dropped_file_holds_none_of_the_rows_that_waited(tmp_path: Path) -> None:
    file = StagedFile(tmp_path / "a.parquet", SCHEMA)
    file.write(batch(0, 10))
    file.drop()
    assert pq.ParquetFile(tmp_path / "a.parquet").metadata.num_rows == 0
