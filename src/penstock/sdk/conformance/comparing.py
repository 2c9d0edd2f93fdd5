"""A source asked for its rows as they are now, for a comparison."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from penstock.core.batch import Batch
from penstock.core.digest import DigestPlan, Form, KeyBuckets, Part
from penstock.core.keys import KeyRange
from penstock.core.stream import Stream
from penstock.core.types import Logical, logical, normal
from penstock.sdk.conformance.reference import bucket_of, digest_of
from penstock.sdk.source import ReadContext, Source

_INTEGERS: Final = (Logical.BYTE, Logical.SHORT, Logical.INT, Logical.LONG)
_FORMS: Final = {**dict.fromkeys(_INTEGERS, Form.INTEGER), Logical.STRING: Form.TEXT}
_BUCKETS: Final = 7


class Comparing:
    """Tests of `current`, `key_span` and `digest`, which `penstock verify` stands on."""

    def test_rows_as_they_are_now_are_those_that_a_job_reads(self, source: Source) -> None:
        for stream in source.discover():
            rows = _now(source, stream)
            read: list[Batch] = []
            for split in source.plan([stream]):
                if split.streams == (stream.name,):
                    read += source.read(split, split.start, ReadContext())
            names = stream.primary_key or tuple(stream.schema.names)
            assert _some(rows, names) == _some(_rows(read), names), stream.name

    def test_a_part_of_the_rows_has_all_that_was_asked_for(self, source: Source) -> None:
        for stream in source.discover():
            rows, key = _now(source, stream), _key(stream)
            if not rows or not key:
                continue
            buckets = KeyBuckets(key, _BUCKETS, (bucket_of(rows[0], KeyBuckets(key, _BUCKETS)),))
            part = [row for row in rows if bucket_of(row, buckets) in buckets.numbers]
            assert _some(part, stream.primary_key) <= _some(
                _now(source, stream, buckets), stream.primary_key
            ), stream.name
            name, form = key[0]
            if form is Form.INTEGER:
                ends = sorted(row[name] for row in rows)[: len(rows) // 2 + 1]
                found = _now(source, stream, (KeyRange(ends[0], ends[-1]),))
                assert {row[name] for row in found} >= set(ends), stream.name

    def test_a_span_has_the_ends_of_the_values(self, source: Source) -> None:
        for stream in source.discover():
            for name, form in _key(stream):
                values = [row[name] for row in _now(source, stream)]
                if form is Form.INTEGER and values:
                    span = source.key_span(stream, name)
                    assert span in (None, (min(values), max(values))), stream.name

    def test_sums_are_those_of_every_engine(self, source: Source) -> None:
        for stream in source.discover():
            columns = tuple(
                (field.name, form) for field in stream.schema
                if (form := _FORMS.get(logical(normal(field)))) is not None
            )  # fmt: skip
            rows = _now(source, stream)
            plans = [DigestPlan((column,)) for column in columns]
            if key := _key(stream):
                plans.append(DigestPlan(columns, buckets=KeyBuckets(key, _BUCKETS)))
            for plan in plans:
                found = source.digest(stream, plan, threading.Event())
                assert found in (None, digest_of(rows, plan)), (stream.name, plan)


def _now(source: Source, stream: Stream, part: Part = ()) -> list[dict[str, Any]]:
    return _rows(source.current(stream, ReadContext(), part))


def _rows(batches: Any) -> list[dict[str, Any]]:
    return [row for b in batches if b.rows is not None for row in b.rows.to_pylist()]


def _some(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> set[str]:
    """Rows as texts of these columns: some values have no hash."""
    return {repr([row.get(name) for name in names]) for row in rows}


def _key(stream: Stream) -> tuple[tuple[str, Form], ...]:
    """The key with forms; empty when a column of it is of another type."""
    found = []
    for name in stream.primary_key:
        at = stream.schema.get_field_index(name)
        form = _FORMS.get(logical(normal(stream.schema.field(at)))) if at >= 0 else None
        if form is None:
            return ()
        found.append((name, form))
    return tuple(found)
