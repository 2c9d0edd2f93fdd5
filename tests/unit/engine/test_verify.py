"""Comparisons without a server: values in one form, keys and hashes, ranges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as some

from penstock.core.digest import Bucket, DigestPlan, Form
from penstock.core.keys import KeyRange
from penstock.core.mapping import Column
from penstock.core.types import JSON, TIMESTAMP, TIMESTAMPTZ, json_array
from penstock.engine.verify.comparing import Comparison
from penstock.engine.verify.digests import compared, form_of
from penstock.engine.verify.forms import canonical, comparable, finite

SCHEMA = pa.schema([("id", pa.int64()), ("v", pa.string())])


@pytest.fixture
def comparison(tmp_path: Path) -> Iterator[Comparison]:
    with closing(Comparison(SCHEMA, ["id"], tmp_path, 100_000_000)) as made:
        yield made


def table(rows: Sequence[tuple[int, str | None]]) -> pa.Table:
    return pa.table([[row[0] for row in rows], [row[1] for row in rows]], schema=SCHEMA)


def give(comparison: Comparison, rows: Sequence[tuple[int, str | None]], **how: Any) -> None:
    told = {"look": 1, "gone": False, "behind": False, "partial": None, **how}
    comparison.add_source(table(rows), **told)


def found(comparison: Comparison) -> list[tuple[Any, ...]]:
    comparison.compare(1)
    return comparison._rows("SELECT id, _kind, _behind FROM differing1 ORDER BY id")


def test_each_kind_of_difference(comparison: Comparison) -> None:
    give(comparison, [(1, "a"), (2, "b"), (3, None), (5, "e")])
    comparison.add_destination(table([(1, "a"), (2, "x"), (4, "d"), (5, "e"), (5, "e")]), look=1)
    assert found(comparison) == [
        (2, "changed", False), (3, "missing", False), (4, "extra", False), (5, "doubled", False),
    ]  # fmt: skip


def test_the_last_row_of_a_key_counts_and_a_deleted_one_is_gone(comparison: Comparison) -> None:
    give(comparison, [(1, "old"), (1, "new"), (2, "a")])
    give(comparison, [(2, None)], gone=True)
    comparison.add_destination(table([(1, "new")]), look=1)
    assert found(comparison) == []
    assert (comparison.source_rows(), comparison.destination_rows()) == (1, 1)


def test_of_a_partial_row_only_the_key_is_compared(comparison: Comparison) -> None:
    give(comparison, [(1, None), (2, "a")], partial=pa.array([True, False]))
    comparison.add_destination(table([(1, "known"), (2, "x")]), look=1)
    assert found(comparison) == [(2, "changed", False)]


def test_rows_that_change_between_the_looks_are_behind(comparison: Comparison) -> None:
    for look, value in ((1, "a"), (2, "b")):
        give(comparison, [(1, value), (2, "c")], look=look)
        comparison.add_destination(table([(1, "x"), (2, "x")]), look=look)
        comparison.compare(look)
    comparison.settle(failed={"2"})
    assert comparison.kinds() == [("changed", False, True, 1), ("changed", True, False, 1)]


def test_ranges_are_cut_where_gaps_are_largest(comparison: Comparison) -> None:
    give(comparison, [(n, "a") for n in (1, 2, 3, 100, 104, 9000)])
    comparison.compare(1)
    ranges = [(str(item.range), item.keys) for item in comparison.ranges("differing1", 3)]
    assert ranges == [("1..3", 3), ("100..104", 2), ("9000", 1)]
    assert len(comparison.ranges("differing1", 1)) == 1


def test_json_is_compared_by_its_content() -> None:
    one, other = canonical(pa.array(['{"b": 1.0, "a": [1e2, null]}', '{"a":[100,null],"b":1}']))
    assert one == other
    texts = canonical(pa.array(['"1"', "1", "[1]", '["1"]', "1.5", "{}", "no json", None]))
    assert len(set(texts.to_pylist())) == len(texts)


json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, json_values)
def test_json_of_other_content_is_another_text(one: Any, other: Any) -> None:
    import json

    spaced, compact = json.dumps(one, indent=1), json.dumps(one, separators=(",", ":"))
    texts = canonical(pa.array([spaced, compact, json.dumps(other)])).to_pylist()
    assert texts[0] == texts[1]
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (texts[0] == texts[2]) == same


def test_values_are_compared_as_the_table_holds_them() -> None:
    number = pa.array([Decimal("1.50")], pa.decimal128(10, 2))
    assert comparable(number, number.type, pa.string()).to_pylist() == ["1.50"]
    document = comparable(json_array(pa.array(['{"a": 1}'])), JSON, JSON)
    assert document.type == pa.string()
    small = pa.array([0.1], pa.float32())
    assert comparable(small, pa.float32(), pa.float64()).to_pylist() == [small[0].as_py()]
    odd = finite(pa.array([1.0, float("nan"), float("inf"), None]))
    assert odd.to_pylist() == [1.0, None, None, None]


@pytest.mark.parametrize(
    ("ours", "stored", "form"),
    [
        (pa.int8(), pa.int16(), Form.INTEGER),
        (pa.decimal128(10, 2), pa.decimal128(12, 2), Form.DECIMAL),
        (pa.decimal128(10, 2), pa.decimal128(12, 3), None),
        (pa.float32(), pa.float64(), Form.DOUBLE),
        (pa.float64(), pa.float32(), None),
        (TIMESTAMP, TIMESTAMPTZ, None),
        (pa.bool_(), pa.int16(), None),
        (pa.string(), pa.string(), Form.TEXT),
    ],
)
def test_forms_that_both_ends_write_alike(
    ours: pa.DataType, stored: pa.DataType, form: Form | None
) -> None:
    assert form_of(Column("x", "x", pa.field("x", ours)), stored) is form


def test_ranges_of_sums_that_differ() -> None:
    plan = DigestPlan((("id", Form.INTEGER),), "id", low=-10, width=5)
    same = {0: Bucket(5, 50), 5: Bucket(1, 1)}
    sums = compared({**same, 1: Bucket(1, 7), 2: Bucket(1, 8)}, {**same, 2: Bucket(1, 9)}, plan)
    assert (sums.source_rows, sums.destination_rows, sums.equal) == (8, 7, False)
    assert sums.part == (KeyRange(-5, 4),)
    assert compared(same, same, plan).equal
