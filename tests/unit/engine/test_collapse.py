"""Whether the keys of a package differ, seen in memory."""

import pyarrow as pa

from penstock.engine.collapse import all_differ


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
