"""Which ranges of keys differ, by sums of hashes that both ends compute themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa

from penstock.core.digest import Digest, DigestPlan, Form, KeyBuckets, Part
from penstock.core.keys import KeyRange
from penstock.core.mapping import Column, Mapping
from penstock.core.types import Logical, logical
from penstock.engine.task import StreamPlan, Task
from penstock.sdk.sql.digest.sums import MOST_COLUMNS

_BUCKETS: Final = 1_024
_MOST_RANGES: Final = 500
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
        part: where they differ; all rows when that is too much to ask for.
    """

    source_rows: int
    destination_rows: int
    equal: bool
    part: Part = ()


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


def key_buckets(mapping: Mapping, stored: pa.Schema) -> KeyBuckets | None:
    """By which both ends and we can tell rows of some keys from others: keys of whole numbers and
    texts alone."""
    by_name = {column.name: column for column in mapping.columns}
    found = []
    for name in mapping.key:
        column = by_name.get(name)
        form = form_of(column, stored.field(name).type) if column is not None else None
        if form not in (Form.INTEGER, Form.TEXT):
            return None
        found.append((name, form))
    return KeyBuckets(tuple(found), _BUCKETS)


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
    there = _plan(task, plan, mapping, forms)
    here = _in_fields(there, mapping)
    source = task.source.digest(plan.stream, here, task.cancel)
    if source is None or task.cancel.is_set():
        return None
    found = task.destination.digest(mapping.table, there)
    return compared(source, found, there) if found is not None else None


def _plan(task: Task, plan: StreamPlan, mapping: Mapping, forms: dict[str, Form]) -> DigestPlan:
    """Buckets by ranges of whole numbers where there are enough of them, else by hashes of keys:
    ranges are found by an index, hashes are even whatever the keys are."""
    columns = tuple(forms.items())
    first = next((column for column in mapping.columns if column.name == mapping.key[0]), None)
    if first is not None and forms[first.name] is Form.INTEGER:
        span = _span(task, plan, mapping, first)
        if span is not None and (len(mapping.key) == 1 or span[1] > 1):
            return DigestPlan(columns, first.name, *span)
    if not set(mapping.key) <= forms.keys():
        return DigestPlan(columns)
    key = tuple((name, forms[name]) for name in mapping.key)
    return DigestPlan(columns, buckets=KeyBuckets(key, _BUCKETS))


def _in_fields(plan: DigestPlan, mapping: Mapping) -> DigestPlan:
    """The same for the source: with names of fields."""
    fields = {column.name: column.field for column in mapping.columns}
    buckets = plan.buckets
    if buckets is not None:
        names = tuple((fields[name], form) for name, form in buckets.columns)
        buckets = replace(buckets, columns=names)
    return replace(
        plan,
        columns=tuple((fields[name], form) for name, form in plan.columns),
        key=fields[plan.key] if plan.key else None,
        buckets=buckets,
    )


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
    """Where the sums of both ends differ."""
    differ = sorted(
        number for number in source.keys() | found.keys() if source.get(number) != found.get(number)
    )
    here, there = (sum(bucket.rows for bucket in side.values()) for side in (source, found))
    return Sums(here, there, equal=not differ, part=_part(differ, plan))


def _part(differ: list[int], plan: DigestPlan) -> Part:
    """Buckets of ranges that follow each other are one range."""
    if plan.buckets is not None:
        return replace(plan.buckets, numbers=tuple(differ))
    if plan.key is None:
        return ()
    ranges: list[KeyRange] = []
    for number in differ:
        first = plan.low + number * plan.width
        last = first + plan.width - 1
        if ranges and ranges[-1].last == first - 1:
            ranges[-1] = KeyRange(ranges[-1].first, last)
        else:
            ranges.append(KeyRange(first, last))
    return tuple(ranges) if len(ranges) <= _MOST_RANGES else ()
