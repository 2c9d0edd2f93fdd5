"""Compare one object: find the keys that differ, look at them once more, say what differs."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from penstock.core.digest import KeyBuckets, Part
from penstock.core.stopping import giving_up
from penstock.engine.verify.comparing import Comparison
from penstock.engine.verify.forms import shown
from penstock.engine.verify.pending import Pending, Still
from penstock.engine.verify.result import (
    Difference,
    DifferentValue,
    Kind,
    ObjectResult,
    Status,
)
from penstock.engine.verify.row_sums import Equal, RowSums
from penstock.engine.verify.sides import Sides, SourceRows

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
        sums_first: reading the source once more costs little: rows are summed first.
        buckets: by which both ends can tell rows of some keys from others.
        pending: the log of the object, when it has one.
    """

    folder: Path
    memory_bytes: int
    limit: int = 20
    wait_s: float = 3.0
    failed: Collection[str] = ()
    extra_is_fine: bool = False
    hidden: Collection[str] = ()
    behind_too: bool = False
    sums_first: bool = False
    buckets: KeyBuckets | None = None
    pending: Pending | None = None
    cancel: threading.Event = field(default_factory=threading.Event)


def compare_rows(
    sides: Sides, key: Sequence[str], result: ObjectResult, how: How, part: Part = ()
) -> None:
    """Fill the result from the rows of both ends, all of them or those in the part."""
    with ExitStack() as stack:
        sums = None
        if how.sums_first and not part:
            sums = stack.enter_context(
                closing(RowSums(sides.schema, key, how.buckets, how.memory_bytes))
            )
            equal = _sum(sums, sides)
            part = sums.part()
            _set_aside(result, sides)
            if not sums.differing:
                result.source_rows, result.destination_rows = equal.source, equal.destination
                return
        comparison = stack.enter_context(
            closing(Comparison(sides.schema, key, how.folder, how.memory_bytes))
        )
        stack.enter_context(giving_up(how.cancel, comparison.interrupt))
        looked = Looking(sides, sums, part)
        _look(comparison, looked)
        if sums is None:
            _set_aside(result, sides)
        if result.source_rows is None:
            others = (equal.source, equal.destination) if sums is not None else (0, 0)
            result.source_rows = others[0] + comparison.source_rows()
            result.destination_rows = others[1] + comparison.destination_rows()
        if not comparison.compare(1):
            return
        again = comparison.ranges("differing1", _MOST_RANGES) if comparison.ranged else []
        if again:
            looked.part = tuple(item.range for item in again)
        if how.pending is None:
            how.cancel.wait(how.wait_s)
            shown_rows = _look_again(comparison, looked)
        else:
            with how.pending.still() as still:
                shown_rows = _look_again(comparison, looked)
                if comparison.compare(2):
                    _leave_out(comparison, sides, still)
                if still.doubt:
                    result.notes.append(still.doubt)
        comparison.compare(2)
        comparison.settle({*how.failed, *sides.refused})
        result.failed -= comparison.among(sides.refused)  # counted below
        _fill(result, comparison, how, part)
        result.differences = tuple(
            _difference(row, shown_rows, sides.schema.names, how.hidden)
            for row in comparison.first(how.limit)
        )


def _leave_out(comparison: Comparison, sides: Sides, still: Still) -> None:
    """Mark keys that the log has changes of."""
    for batch in still.changes:
        if batch.truncated:
            comparison.all_pending = True
        if batch.rows is not None and batch.num_rows:
            comparison.add_pending(sides.keys_of(batch.rows))


@dataclass
class Looking:
    """Rows of both ends that may differ: those of a part, in buckets whose sums differ."""

    sides: Sides
    sums: RowSums | None
    part: Part

    def source(self) -> Iterator[SourceRows]:
        for item in self.sides.source(self.part):
            if self.sums is None:
                yield item
                continue
            mask = self.sums.only(item.rows)
            partial = item.partial.filter(mask) if item.partial is not None else None
            yield replace(item, rows=item.rows.filter(mask), partial=partial)

    def destination(self) -> Iterator[pa.Table]:
        for rows in self.sides.destination(self.part):
            yield rows if self.sums is None else rows.filter(self.sums.only(rows))


def _sum(sums: RowSums, sides: Sides) -> Equal:
    for part in sides.source():
        if not part.gone:
            sums.add(part.rows, source=True)
    for rows in sides.destination():
        sums.add(rows, source=False)
    return sums.compare()


def _set_aside(result: ObjectResult, sides: Sides) -> None:
    result.failed = len(sides.refused) + sides.nameless
    if result.failed:
        result.status = Status.SET_ASIDE


def _look(comparison: Comparison, looked: Looking) -> None:
    for item in looked.source():
        comparison.add_source(
            item.rows, look=1, gone=item.gone, behind=item.behind, partial=item.partial
        )
    for rows in looked.destination():
        comparison.add_destination(rows, look=1)


def _look_again(comparison: Comparison, looked: Looking) -> Mapping[tuple[Any, ...], _Pair]:
    """Read the keys that differed once more; of the first of them the rows are kept."""
    comparison.keep(_KEPT)
    pairs: dict[tuple[Any, ...], _Pair] = {}

    def keep(rows: pa.Table, side: int) -> None:
        names = comparison.key
        for row in comparison.only(rows, "kept").to_pylist():
            pairs.setdefault(tuple(row[name] for name in names), [None, None])[side] = row

    names = looked.sides.schema.names
    for item in looked.source():
        rows = item.rows
        if item.partial is not None:
            rows = rows.append_column(_PARTIAL, item.partial)
        rows = comparison.only(rows, "differing1")
        partial = rows.column(_PARTIAL).combine_chunks() if item.partial is not None else None
        rows = rows.select(names)
        keep(rows, 0)
        comparison.add_source(rows, look=2, gone=item.gone, behind=item.behind, partial=partial)
    for rows in looked.destination():
        rows = comparison.only(rows, "differing1")
        keep(rows, 1)
        comparison.add_destination(rows, look=2)
    return pairs


def _fill(result: ObjectResult, comparison: Comparison, how: How, part: Part) -> None:
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
    result.part = part
    if comparison.ranged:
        result.part = tuple(item.range for item in comparison.ranges("differing", _MOST_RANGES))
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
            pair = shown(source[name]), shown(stored[name])  # texts also tell the two zeros apart
            if pair[0] != pair[1]:
                pair = ("(hidden)", "(hidden)") if name in hidden else pair
                values.append(DifferentValue(name, *pair))
    return Difference(tuple(key), Kind(kind), tuple(values), failed)
