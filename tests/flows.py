"""Rows through blocks and back, for tests; typed as a source would deliver them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pyarrow as pa

from penstock.core.types import TIMESTAMPTZ, is_json, json_array
from penstock.transforms.events import Events, Transformed
from penstock.transforms.flow import block_flow

NOW = datetime(2024, 5, 6, 7, 4, 5, tzinfo=UTC)
Row = dict[str, Any]


def column(values: Sequence[Any]) -> pa.Array:
    """Values of one kind as an array; objects and arrays as JSON, None as null."""
    known = [value for value in values if value is not None]
    if any(isinstance(value, dict | list) for value in known):
        texts = [None if v is None else json.dumps(v, separators=(",", ":")) for v in values]
        return json_array(pa.array(texts, pa.string()))
    if any(isinstance(value, datetime) for value in known):
        return pa.array(values, TIMESTAMPTZ)
    return pa.array(values)


def events(rows: Sequence[Row], name: str = "e", keys: tuple[str, ...] = ()) -> Events:
    """Events of these rows; a field that a row lacks is missing, None is null that was set."""
    names = list(dict.fromkeys(field for row in rows for field in row))
    arrays = [column([row.get(field) for row in rows]) for field in names]
    schema = pa.schema([pa.field(n, a.type) for n, a in zip(names, arrays, strict=True)])
    if names:
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    else:
        batch = pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([])))
    nulls = {
        field: pa.array([field in row and row[field] is None for row in rows]) for field in names
    }
    return Events(name, keys, batch, pa.array(range(len(rows)), pa.int32()), nulls)


def rows_of(output: Events) -> list[Row]:
    """The rows of an output: a null without mark is a missing field."""
    made: list[Row] = [{} for _ in range(output.rows.num_rows)]
    for name, array in zip(output.rows.schema.names, output.rows.columns, strict=True):
        marks = output.nulls.get(name)
        for at, value in enumerate(_plain(array)):
            if value is not None or (marks is not None and marks[at].as_py()):
                made[at][name] = value
    return made


def _plain(array: pa.Array) -> list[Any]:
    if is_json(array.type):
        return [None if t is None else json.loads(t) for t in array.storage.to_pylist()]
    return array.to_pylist()


def block(kind: str, settings: Row | None = None, **more: Any) -> Row:
    """A block in its stored form."""
    return {"id": "b1", "type": kind, "settings": settings or {}, **more}


def named(*fields: str) -> Row:
    """A field filter on names."""
    return {"field": [{"on": "FIELD_NAME", "op": "IN", "value": list(fields)}]}


def run(blocks: Sequence[Row] | Row, rows: Sequence[Row], **more: Any) -> Transformed:
    """What a flow makes of the rows, with a clock that stands and identifiers of zeros."""
    listed = [blocks] if isinstance(blocks, dict) else list(blocks)
    flow = block_flow({"method": "BLOCKS", "blocks": listed}, lambda: NOW, lambda: UUID(int=0))
    return flow.transform(events(rows, **more))


def after(blocks: Sequence[Row] | Row, *rows: Row, **more: Any) -> list[Row]:
    """The rows that came out, all of one event type; none may be refused."""
    done = run(blocks, rows, **more)
    assert not done.refused
    return [row for output in done.outputs for row in rows_of(output)]
