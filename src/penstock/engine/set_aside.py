"""Events that no table takes: as failed events, or counted and dropped."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from penstock.core import metadata
from penstock.core.batch import Batch, FailedEvent
from penstock.core.to_text import as_json, as_text
from penstock.core.types import Logical, logical
from penstock.engine.changes import Changes

UNMAPPED: Final = "UNMAPPED_EVENT_TYPE"
_NOT_FINITE: Final = frozenset({"NaN", "Infinity", "-Infinity"})


def raw_events(
    rows: pa.RecordBatch, left_out: Sequence[Collection[str]] | None = None
) -> list[str]:
    """Rows as the JSON of failed events: what a source reads back as the same values.

    Args:
        left_out: for each row, fields of which a log left out the value; a replay knows by it.
    """
    names = [json.dumps(name, ensure_ascii=False) for name in rows.schema.names]
    texts = zip(*(_json_texts(column) for column in rows.columns), strict=True)
    pairs = list(zip(names, rows.schema.names, strict=True))
    marks = left_out if left_out is not None else [()] * rows.num_rows
    done = []
    for values, gone in zip(texts, marks, strict=True):
        parts = [
            f"{name}: {'null' if text is None else text}"
            for (name, plain), text in zip(pairs, values, strict=True)
            if plain not in gone
        ]
        if gone:
            parts.append(f'"{metadata.LEFT_OUT}": {json.dumps(sorted(gone), ensure_ascii=False)}')
        done.append(f"{{{', '.join(parts)}}}")
    return done


def _json_texts(column: pa.Array) -> list[str | None]:
    """Each value as JSON; text stays text, also where it looks like something else.

    Numbers that a reader of JSON would round or refuse are text: the field's type is known.
    """
    family = logical(column.type)
    if family is Logical.STRING:
        return _quoted(column, lambda _: True)
    if family is Logical.DECIMAL and column.type.scale > 0:
        return _quoted(column, lambda text: Decimal(repr(float(text))) != Decimal(text))
    if family in (Logical.FLOAT, Logical.DOUBLE):
        return _quoted(column, _NOT_FINITE.__contains__)
    texts: list[str | None] = as_json(column).storage.to_pylist()
    return texts


def _quoted(column: pa.Array, to_quote: Callable[[str], bool]) -> list[str | None]:
    encode = json.JSONEncoder(ensure_ascii=False).encode
    texts = as_text(column).to_pylist()
    return [None if t is None else encode(t) if to_quote(t) else t for t in texts]


def key_text(values: Sequence[Any]) -> str | None:
    """A key as failed events keep it; None unless all of it is known."""
    known = bool(values) and all(part is not None for part in values)
    return ":".join(str(part) for part in values) if known else None


def sidelined(
    batch: Batch, changes: Changes, event_type: str, key: Sequence[str], first_seq: int
) -> list[FailedEvent]:
    """All rows of an event type without a table, to be loaded once it has one.

    Args:
        key: fields of the key.
        first_seq: of the first row.
    """
    assert batch.rows is not None
    n = batch.rows.num_rows
    marks = [changes.fields_left_out(at) for at in range(n)]
    there = [field for field in key if field in batch.rows.schema.names]
    keys = batch.rows.select(there).to_pylist()
    ids: list[str | None] = _ids(batch)
    generated = tuple(key) == metadata.GENERATED_KEY
    return [
        FailedEvent(
            object=batch.stream,
            stage="SCHEMA_MAPPING",
            code=UNMAPPED,
            reason="The event type has no table.",
            raw=raw,
            key=key_text([ids[at]] if generated else [keys[at].get(field) for field in key]),
            ingested_at=batch.ingested_at,
            seq=first_seq + at,
            event_type=event_type,
            attempt=batch.attempt,
            op=op,
            row_id=ids[at],
            shaped=batch.shaped,
        )
        for at, (raw, op) in enumerate(
            zip(raw_events(batch.rows, marks), changes.op.to_pylist(), strict=True)
        )
    ]


def _ids(batch: Batch) -> list[Any]:
    ids: pa.Array | None = batch.row_ids
    return ids.to_pylist() if ids is not None else [None] * batch.num_rows


def emptied(batch: Batch) -> tuple[Batch, int]:
    """A batch of an event type that nobody wants: the batch without events, and how many went."""
    gone = batch.num_rows + len(batch.failed)
    rows = batch.rows.slice(0, 0) if batch.rows is not None else None
    ids = batch.row_ids.slice(0, 0) if batch.row_ids is not None else None
    hints = batch.hints.slice(0, 0) if batch.hints is not None else None
    return replace(batch, rows=rows, row_ids=ids, hints=hints, failed=(), truncated=False), gone
