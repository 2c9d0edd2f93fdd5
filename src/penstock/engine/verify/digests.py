"""Which ranges of keys differ, by sums of hashes that both ends compute themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from penstock.core.digest import Digest, DigestPlan, Form
from penstock.core.keys import KeyRange
from penstock.core.mapping import Column, Mapping
from penstock.core.types import Logical, logical
from penstock.engine.task import StreamPlan, Task
from penstock.sdk.sql.digest.sums import MOST_COLUMNS

_BUCKETS: Final = 1_024
_WIDEST: Final = 1 << 62
_INTEGERS: Final = (Logical.BYTE, Logical.SHORT, Logical.INT, Logical.LONG)
_FORMS: Final = {
    Logical.BOOLEAN: Form.BOOLEAN,
    Logical.STRING: Form.TEXT,
    Logical.BYTES: Form.BYTES,
    Logical.DATE: Form.DATE,
    Logical.TIME: Form.TIME,
    Logical.TIMESTAMP: Form.TIMESTAMP,
    Logical.TIMESTAMPTZ: Form.TIMESTAMPTZ,
    Logical.JSON: Form.JSON,
}


@dataclass(frozen=True)
class Sums:
    """What the sums of both ends say.

    Args:
        ranges: of keys, where they differ; None when rows have no ranges of keys and something
            differs somewhere.
    """

    source_rows: int
    destination_rows: int
    equal: bool
    ranges: tuple[KeyRange, ...] | None = None


def form_of(column: Column, stored: pa.DataType) -> Form | None:
    """How both ends can write a column alike; None when they perhaps cannot."""
    ours, theirs = logical(column.type), logical(stored)
    if ours in _INTEGERS and theirs in _INTEGERS:
        return Form.INTEGER
    if ours is Logical.DECIMAL and theirs is Logical.DECIMAL:
        return Form.DECIMAL if column.type.type.scale == stored.scale else None
    if {ours, theirs} <= {Logical.FLOAT, Logical.DOUBLE} and theirs is Logical.DOUBLE:
        return Form.DOUBLE
    return _FORMS.get(ours) if ours is theirs else None


def digest(
    task: Task, plan: StreamPlan, mapping: Mapping, columns: tuple[str, ...], stored: pa.Schema
) -> Sums | None:
    """Sums of both ends, compared; None when one of them cannot compute them.

    Args:
        columns: those that are compared.
        stored: columns of the table as they are.
    """
    by_name = {column.name: column for column in mapping.columns}
    forms: dict[str, Form] = {}
    for name in columns:
        column = by_name.get(name)
        form = form_of(column, stored.field(name).type) if column is not None else None
        if form is None:
            return None
        forms[name] = form
    if not forms or len(forms) > MOST_COLUMNS:
        return None
    key = by_name.get(mapping.key[0])
    ranged = key is not None and forms[key.name] is Form.INTEGER
    span = _span(task, plan, mapping, key) if ranged and key is not None else None
    low, width = span or (0, 1)
    there = DigestPlan(
        tuple(forms.items()), key.name if span and key is not None else None, low, width
    )
    fields = {name: by_name[name].field for name in forms}
    here = DigestPlan(
        tuple((fields[name], form) for name, form in forms.items()),
        fields[there.key] if there.key else None, low, width,
    )  # fmt: skip
    source = task.source.digest(plan.stream, here)
    found = task.destination.digest(mapping.table, there) if source is not None else None
    return compared(source, found, there) if source is not None and found is not None else None


def _span(task: Task, plan: StreamPlan, mapping: Mapping, key: Column) -> tuple[int, int] | None:
    """Where buckets begin and how many keys each has."""
    spans = [
        task.source.key_span(plan.stream, key.field),
        task.destination.key_span(mapping.table, key.name),
    ]
    known = [span for span in spans if span is not None]
    if not known:
        return None
    low, high = min(span[0] for span in known), max(span[1] for span in known)
    if high - low >= _WIDEST:
        return None
    return low, (high - low) // _BUCKETS + 1


def compared(source: Digest, found: Digest, plan: DigestPlan) -> Sums:
    """Where the sums of both ends differ; buckets that follow each other are one range."""
    differ = sorted(
        number for number in source.keys() | found.keys() if source.get(number) != found.get(number)
    )
    here, there = (sum(bucket.rows for bucket in side.values()) for side in (source, found))
    ranges: list[KeyRange] = []
    for number in differ:
        first = plan.low + number * plan.width
        last = first + plan.width - 1
        if ranges and ranges[-1].last == first - 1:
            ranges[-1] = KeyRange(ranges[-1].first, last)
        else:
            ranges.append(KeyRange(first, last))
    return Sums(here, there, equal=not differ, ranges=tuple(ranges) if plan.key else None)
