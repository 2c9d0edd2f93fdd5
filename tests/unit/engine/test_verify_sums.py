"""Sums of rows, bags of rows, and buckets of keys, without a server."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pyarrow as pa
import pytest

from penstock.core.digest import Form, KeyBuckets
from penstock.engine.verify.row_sums import RowSums
from penstock.sdk.conformance.reference import bucket_of

SCHEMA = pa.schema([("k", pa.string()), ("n", pa.int64()), ("v", pa.float64())])
BUCKETS = KeyBuckets((("k", Form.TEXT), ("n", Form.INTEGER)), 16)
MEMORY = 64_000_000


def table(*rows: tuple[Any, ...]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], SCHEMA)


ROWS = [(f"ü{n % 7} ☃", n, n / 3) for n in range(500)]


@pytest.mark.parametrize("buckets", [None, BUCKETS])
def test_sums_do_not_depend_on_order_or_pieces(buckets: KeyBuckets | None) -> None:
    with closing(RowSums(SCHEMA, ("k", "n"), buckets, MEMORY)) as sums:
        sums.add(table(*ROWS), source=True)
        for start in range(0, 500, 90):
            sums.add(table(*reversed(ROWS[start : start + 90])), source=False)
        equal = sums.compare()
        assert (equal.source, equal.destination, sums.differing) == (500, 500, 0)


@pytest.mark.parametrize(
    "other", [("ü0 ☃", 0, -0.0), ("ü0 ☃", 0, float("nan")), ("ü0 ☃", 0, None), None]
)
def test_one_row_that_differs_is_among_few(other: tuple[Any, ...] | None) -> None:
    there = [*ROWS[1:], *([other] if other else [])]
    with closing(RowSums(SCHEMA, ("k", "n"), BUCKETS, MEMORY)) as sums:
        sums.add(table(*ROWS), source=True)
        sums.add(table(*there), source=False)
        sums.compare()
        wanted = bucket_of({"k": "ü0 ☃", "n": 0}, BUCKETS)
        assert sums.part() == KeyBuckets(BUCKETS.columns, 16, (wanted,))
        kept = table(*ROWS).filter(sums.only(table(*ROWS))).column("n").to_pylist()
        near = [n for k, n, _ in ROWS if bucket_of({"k": k, "n": n}, BUCKETS) == wanted]
        assert kept == near


def test_without_buckets_that_engines_share_all_rows_are_asked_for() -> None:
    with closing(RowSums(SCHEMA, ("v",), None, MEMORY)) as sums:
        sums.add(table(*ROWS), source=True)
        sums.compare()
        assert sums.part() == ()
        assert sums.differing > 0
