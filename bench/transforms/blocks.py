"""How many field changes a core makes in a second, block by block.

Run with `.venv/bin/python bench/transforms/blocks.py`; times are CPU seconds of this process,
so other work on the machine matters little. A field change is one field of one event.
"""

from __future__ import annotations

import argparse
import json
import resource
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from penstock.core.types import JSON, TIMESTAMPTZ
from penstock.transforms.events import Events
from penstock.transforms.flow import block_flow

BATCH = 20_000
"""Rows of a batch; sources deliver some tens of thousands."""


def batch(rows: int) -> Events:
    """Orders as a shop would have them: 13 fields, a tenth of them missing or null."""
    every_tenth = [i % 10 == 0 for i in range(rows)]
    columns = {
        "id": pa.array(range(rows)),
        "name": pa.array([f"Ana Maria Diaz {i}" for i in range(rows)]),
        "email": pa.array([f"ana.{i}@shop.example" for i in range(rows)]),
        "card": pa.array([f"4111-1111-{i:08d}" for i in range(rows)]),
        "city": pa.array([f"new YORK {i % 500}" for i in range(rows)]),
        "country": pa.array([("IN", "FR", "US")[i % 3] for i in range(rows)]),
        "price": pa.array([i % 9973 / 7 for i in range(rows)]),
        "qty": pa.array([i % 17 + 1 for i in range(rows)]),
        "amount": pa.array([f"{i % 100},{i % 1000:03d}.50" for i in range(rows)]),
        "day": pa.array([f"{i % 28 + 1:02d}/{i % 12 + 1:02d}/2024" for i in range(rows)]),
        "at": pa.array([i * 1_000_003 for i in range(rows)], TIMESTAMPTZ),
        "note": pa.array([None if gone else "call back" for gone in every_tenth]),
        "extra": pa.ExtensionArray.from_storage(
            JSON, pa.array([f'{{"a":{{"b":{i},"c":"x"}},"t":[1,2]}}' for i in range(rows)])
        ),
    }
    arrays = list(columns.values())
    schema = pa.schema([pa.field(n, a.type) for n, a in zip(columns, arrays, strict=True)])
    names = pa.RecordBatch.from_arrays(arrays, schema=schema)
    return Events("orders", ("id",), names, pa.array(range(rows), pa.int32()))


def fields(*names: str) -> dict[str, Any]:
    """A filter on names."""
    return {"field": [{"on": "FIELD_NAME", "op": "IN", "value": list(names)}]}


def only_when(field: str, op: str, value: Any) -> dict[str, Any]:
    """A filter on events."""
    return {"event": [{"on": "EVENT_FIELD", "field": field, "op": op, "value": value}]}


FLOWS: dict[str, tuple[int, str, dict[str, Any], dict[str, Any]]] = {
    "change value, formula": (
        1,
        "CHANGE_FIELD_VALUE",
        {"value": "$self * qty + 1"},
        fields("price"),
    ),
    "change value, text": (
        1,
        "CHANGE_FIELD_VALUE",
        {"value": 'UPPER($self) + "!"'},
        fields("city"),
    ),
    "change value, a third of the events": (
        1,
        "CHANGE_FIELD_VALUE",
        {"value": "$self / 4"},
        fields("price") | only_when("country", "EQ", "IN"),
    ),
    "add field, formula": (1, "ADD_FIELD", {"field_name": "total", "value": "price * qty"}, {}),
    "drop fields": (3, "DROP_FIELDS", {}, fields("city", "note", "card")),
    "rename fields": (13, "RENAME_FIELDS", {"mode": "PREFIX", "value": "x_"}, {}),
    "mask, last four stay": (1, "MASK_FIELDS", {"mode": "KEEP_LAST_N", "n": 4}, fields("card")),
    "mask, mail": (1, "MASK_FIELDS", {"mode": "EMAIL"}, fields("email")),
    "text casing": (1, "TEXT_CASE", {"casing": "TITLE"}, fields("city")),
    "snake case": (1, "TEXT_CASE", {"casing": "SNAKE_CASE"}, fields("city")),
    "find & replace, literal": (1, "FIND_REPLACE", {"find": "a", "replace": "o"}, fields("name")),
    "find & replace, pattern": (
        1,
        "FIND_REPLACE",
        {"find": "[^0-9]", "regex": True},
        fields("card"),
    ),
    "round": (1, "ROUND_DECIMAL", {"decimals": 2}, fields("price")),
    "parse number": (1, "PARSE_NUMBER", {}, fields("amount")),
    "format number": (1, "FORMAT_NUMBER", {"pattern": "#,##0.00"}, fields("price")),
    "parse date": (1, "PARSE_DATE", {"formats": ["dd/MM/yyyy"], "output": "DATE"}, fields("day")),
    "format date": (1, "FORMAT_DATE", {"format": "dd/MM/yyyy HH:mm"}, fields("at")),
    "change datetime": (
        1,
        "CHANGE_DATETIME",
        {"changes": [{"unit": "MONTH", "amount": 1}]},
        fields("at"),
    ),
    "split into fields": (1, "SPLIT_FIELDS", {"delimiter": " "}, fields("name")),
    "split into an array": (1, "SPLIT_FIELDS", {"delimiter": " ", "into": "ARRAY"}, fields("name")),
    "hash, SHA-256": (1, "HASH_FIELDS", {}, fields("email")),
    "parse JSON": (1, "PARSE_JSON", {}, fields("country")),
    "flatten JSON": (4, "FLATTEN_JSON", {"arrays": "INDEX"}, fields("extra")),
    "change a nested value": (1, "CHANGE_FIELD_VALUE", {"value": "$self + 1"}, fields("extra.a.b")),
    "rename events": (1, "RENAME_EVENTS", {"value": "country"}, {}),
    "drop events": (1, "DROP_EVENTS", {}, only_when("price", "GT", 700)),
}


def cpu_s() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def changes_per_s(flow: Sequence[Any], given: Events, rounds: int) -> float:
    """Field changes in a CPU second, reading and writing of the batch with it."""
    count, kind, settings, filters = flow
    stored = {"id": "b", "type": kind, "settings": settings, "filters": filters}
    stored["on_error"] = "SKIP_FIELD"
    made = block_flow({"method": "BLOCKS", "blocks": [stored]})
    made.transform(given)
    before = cpu_s()
    for _ in range(rounds):
        made.transform(given)
    rows = given.rows.num_rows
    if "event" in filters and kind == "CHANGE_FIELD_VALUE":
        rows //= 3
    return count * rows * rounds / (cpu_s() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pa.set_cpu_count(1)
    given = batch(BATCH)
    found = {name: changes_per_s(flow, given, options.rounds) for name, flow in FLOWS.items()}
    if options.json:
        print(json.dumps({name: round(speed) for name, speed in found.items()}, indent=2))
        return
    for name, speed in found.items():
        print(f"{name:40} {speed / 1e6:8.2f} M field changes/s")


if __name__ == "__main__":
    main()
