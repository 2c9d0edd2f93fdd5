"""Compare one object: find the keys that differ, look at them once more, say what differs."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from penstock.core.keys import KeyRange
from penstock.engine.verify.comparing import Comparison
from penstock.engine.verify.forms import shown
from penstock.engine.verify.result import (
    Difference,
    DifferentValue,
    Kind,
    ObjectResult,
    Status,
)
from penstock.engine.verify.sides import Sides

_MOST_RANGES: Final = 500
_SHOWN_RANGES: Final = 50
_KEPT: Final = 1_000
_PARTIAL: Final = "_ps_partial"
_Pair = list[dict[str, Any] | None]
"""A key's row in the source, and in the table."""


@dataclass(frozen=True)
class How:
    """What a comparison is told.

    Args:
        folder: for files that it needs while it lasts.
        limit: most keys that are described.
        wait_s: pause before keys that differ are looked at again: a job may be loading them.
        failed: keys of open failed events, parts joined by ":".
        extra_is_fine: rows that only the table has are no difference: deletes are not followed.
        hidden: columns whose values are not shown.
        behind_too: rows that change while they are compared are differences as well: what a log
            tells of them may build on values that the table lacks.
    """

    folder: Path
    memory_bytes: int
    limit: int = 20
    wait_s: float = 3.0
    failed: Collection[str] = ()
    extra_is_fine: bool = False
    hidden: Collection[str] = ()
    behind_too: bool = False
    cancel: threading.Event = field(default_factory=threading.Event)


def compare_rows(
    sides: Sides, key: Sequence[str], result: ObjectResult, how: How,
    ranges: Sequence[KeyRange] = (),
) -> None:  # fmt: skip
    """Fill the result from the rows of both ends, all of them or those in the ranges."""
    with closing(Comparison(sides.schema, key, how.folder, how.memory_bytes)) as comparison:
        _look(comparison, sides, ranges)
        if result.source_rows is None:
            result.source_rows = comparison.source_rows()
            result.destination_rows = comparison.destination_rows()
        result.failed = len(sides.refused) + sides.nameless
        if result.failed:
            result.status = Status.SET_ASIDE
        if not comparison.compare(1):
            return
        how.cancel.wait(how.wait_s)
        again = comparison.ranges("differing1", _MOST_RANGES) if comparison.ranged else []
        shown_rows = _look_again(comparison, sides, [item.range for item in again] or ranges)
        comparison.compare(2)
        comparison.settle({*how.failed, *sides.refused})
        result.failed -= comparison.among(sides.refused)  # counted below
        _fill(result, comparison, how)
        result.differences = tuple(
            _difference(row, shown_rows, sides.schema.names, how.hidden)
            for row in comparison.first(how.limit)
        )


def compare_counts(sides: Sides, result: ObjectResult) -> None:
    """Of a table whose rows nothing tells apart: as many as the source has, at least.

    Each read of such an object appends what it read, so there may be more.
    """
    result.method = "counts"
    source = stored = 0
    for part in sides.source(()):
        if part.behind:
            result.behind += part.rows.num_rows
        elif not part.gone:
            source += part.rows.num_rows
    for rows in sides.destination(()):
        stored += rows.num_rows
    result.source_rows, result.destination_rows = source, stored
    result.failed = len(sides.refused) + sides.nameless
    if stored < source:
        result.counts[Kind.MISSING] = source - stored
        result.status = Status.DIFFERENT
    elif result.failed:
        result.status = Status.SET_ASIDE
    result.notes.append("It has no key: only counts are compared.")
    if stored > source:
        result.notes.append(f"The table has {stored - source:,} more: each run appends its rows.")


def _look(comparison: Comparison, sides: Sides, ranges: Sequence[KeyRange]) -> None:
    for part in sides.source(ranges):
        comparison.add_source(
            part.rows, look=1, gone=part.gone, behind=part.behind, partial=part.partial
        )
    for rows in sides.destination(ranges):
        comparison.add_destination(rows, look=1)


def _look_again(
    comparison: Comparison, sides: Sides, ranges: Sequence[KeyRange]
) -> Mapping[tuple[Any, ...], _Pair]:
    """Read the keys that differed once more; of the first of them the rows are kept."""
    comparison.keep(_KEPT)
    pairs: dict[tuple[Any, ...], _Pair] = {}

    def keep(rows: pa.Table, side: int) -> None:
        names = comparison.key
        for row in comparison.only(rows, "kept").to_pylist():
            pairs.setdefault(tuple(row[name] for name in names), [None, None])[side] = row

    for part in sides.source(ranges):
        rows = part.rows
        if part.partial is not None:
            rows = rows.append_column(_PARTIAL, part.partial)
        rows = comparison.only(rows, "differing1")
        partial = rows.column(_PARTIAL).combine_chunks() if part.partial is not None else None
        rows = rows.select(sides.schema.names)
        keep(rows, 0)
        comparison.add_source(rows, look=2, gone=part.gone, behind=part.behind, partial=partial)
    for rows in sides.destination(ranges):
        rows = comparison.only(rows, "differing1")
        keep(rows, 1)
        comparison.add_destination(rows, look=2)
    return pairs


def _fill(result: ObjectResult, comparison: Comparison, how: How) -> None:
    """Counts by what explains a difference; what no fault is leaves `differing`."""
    for kind, behind, failed, count in comparison.kinds():
        if behind and not how.behind_too:
            result.behind += count
        elif failed:
            result.failed += count
        elif kind == Kind.EXTRA and how.extra_is_fine:
            rows = "row is" if count == 1 else "rows are"
            result.notes.append(f"{count:,} {rows} kept that the source has deleted.")
        else:
            result.counts[kind] = result.counts.get(kind, 0) + count
    if not how.behind_too:
        comparison.drop("_behind")
    if how.extra_is_fine:
        comparison.drop(f"_kind = '{Kind.EXTRA}'")
    if result.counts:
        result.status = Status.DIFFERENT
    elif result.failed:
        result.status = Status.SET_ASIDE
    result.ranges = tuple(comparison.ranges("differing", _SHOWN_RANGES))
    result.keys = comparison.differing()


def _difference(
    row: tuple[Any, ...],
    pairs: Mapping[tuple[Any, ...], _Pair],
    columns: Sequence[str],
    hidden: Collection[str],
) -> Difference:
    *key, kind, failed = row
    source, stored = pairs.get(tuple(key), [None, None])
    values: list[DifferentValue] = []
    if kind == Kind.CHANGED and source is not None and stored is not None:
        for name in columns:
            one, other = source[name], stored[name]
            if one != other and not (one != one and other != other):  # NaN equals NaN here
                pair = ("(hidden)", "(hidden)") if name in hidden else (shown(one), shown(other))
                values.append(DifferentValue(name, *pair))
    return Difference(tuple(key), Kind(kind), tuple(values), failed)
