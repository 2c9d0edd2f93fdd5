"""Whether the keys of a package differ, seen in memory."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penstock.core import metadata
from penstock.engine.collapse import all_differ, collapse


def keys(**columns: list[object]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def test_a_key_that_comes_twice_is_seen_across_batches() -> None:
    assert all_differ([keys(id=[1, 2]), keys(id=[3])])
    assert not all_differ([keys(id=[1, 2]), keys(id=[2])])


def test_keys_of_several_columns_differ_as_a_whole() -> None:
    assert all_differ([keys(a=[1, 1], b=["x", "y"])])
    assert not all_differ([keys(a=[1, 1], b=["x", "x"])])


def test_keys_whose_type_changed_are_left_to_the_files() -> None:
    """1 and "1" are one key once both are text."""
    assert not all_differ([keys(id=[1]), keys(id=["1"])])
    assert not all_differ([])


@pytest.mark.parametrize(
    ("times", "seqs", "hints", "left"),
    [
        ([5, 5, 6, 6], [1, 2, 3, 4], [0, 0, 0, 0], ["c", "d"]),
        ([5, 6, 4, 6], [1, 2, 3, 4], [0, 0, 0, 0], ["a", "d"]),
        ([5, 5, 5, 5], [3, 2, 1, 4], [0, 0, 0, 0], ["a", "d"]),
        ([5, 6, 6, 7], [1, 2, 3, 4], [0, 0, 1, 0], ["a", "d"]),
    ],
    ids=["in order", "an older time later", "an older row of the same time later", "placeholder"],
)
def test_the_newest_row_of_each_key_stays_in_whichever_file_it_is(
    times: list[int], seqs: list[int], hints: list[int], left: list[str], tmp_path: Path
) -> None:
    table = pa.table(
        {
            "id": [1, 2, 1, 2],
            "v": ["a", "b", "c", "d"],
            metadata.INGESTED_AT: times,
            metadata.SEQ: seqs,
            metadata.HINT: pa.array(hints, pa.uint8()),
        }
    )
    files = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    for file, at in zip(files, (0, 2), strict=True):
        pq.write_table(table.slice(at, 2), file)
    assert collapse(files, ["id"]) == 2
    assert sorted(v for f in files for v in pq.read_table(f)["v"].to_pylist()) == left
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.parquet", "1.parquet"]


def test_parts_of_a_table_that_are_read_side_by_side_are_seen_to_differ_in_any_order() -> None:
    assert all_differ([keys(id=[7, 8]), keys(id=[1, 2]), keys(id=[9]), keys(id=[3])])
    assert all_differ([keys(id=[7, 9]), keys(id=[8, 10])])
    assert not all_differ([keys(id=[7, 9]), keys(id=[1, 7])])
    assert not all_differ([keys(id=[7, 9]), keys(id=[8]), keys(id=[9, 11])])
    assert not all_differ([keys(id=[2, 1]), keys(id=[1])])
