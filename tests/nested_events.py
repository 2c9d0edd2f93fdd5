"""Events of JSON for tests, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from penstock.core.events import Events
from penstock.core.types import JSON
from penstock.nested import InMemory, NestedSettings, PathNames, Shaped, Shaper, Strategy, resolved

EVERY = list(Strategy)


def json_column(texts: Sequence[str | None]) -> pa.Array:
    return pa.ExtensionArray.from_storage(JSON, pa.array(texts, pa.string()))


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def events(columns: dict[str, Any], keys: tuple[str, ...] = ("id",), name: str = "orgs") -> Events:
    """Columns of plain values; those of JSON as arrays of `json_column`."""
    arrays = {n: c if isinstance(c, pa.Array) else pa.array(c) for n, c in columns.items()}
    schema = pa.schema([pa.field(n, a.type) for n, a in arrays.items()])
    rows = pa.RecordBatch.from_arrays(list(arrays.values()), schema=schema)
    return Events(name, keys, rows, pa.array(range(rows.num_rows), pa.int32()))


def one(value: Any, **more: Any) -> Events:
    """Events with an id and one field of JSON, `doc`; each value is a text or a plain object."""
    values = value if isinstance(value, list) else [value]
    texts = [v if isinstance(v, str) or v is None else compact(v) for v in values]
    return events({"id": list(range(len(texts))), "doc": json_column(texts)}, **more)


def shaper(strategy: str = "FLATTEN_SPLIT", names: PathNames | None = None, **more: Any) -> Shaper:
    settings = NestedSettings(strategy=Strategy(strategy), **more)
    return Shaper(resolved(settings, EVERY), names or PathNames())


def shape(given: Events, strategy: str = "FLATTEN_SPLIT", **more: Any) -> Shaped:
    return shaper(strategy, **more).shape(given)


def tables(shaped: Shaped) -> dict[str, list[dict[str, Any]]]:
    """Rows by event type."""
    return {made.name: made.rows.to_pylist() for made in shaped.outputs}


def fields_of(store: InMemory, event_type: str) -> dict[tuple[str | None, ...], str]:
    """Names of fields by their paths."""
    return {tuple(json.loads(k)): n for k, n in store.names(f"fields of {event_type}").items()}


def children_of(store: InMemory, root: str) -> dict[tuple[str | None, ...], str]:
    """Names of child event types by the ways to their arrays."""
    told = [(json.loads(text), name) for text, name in store.names("children").items()]
    return {tuple(key[1]): name for key, name in told if key[0] == root}
