"""Events per second through a Python transformation: Arrow in, Arrow out, sandbox included.

    python bench/transforms/python.py --events 600000 --processes 2

Wall time and CPU of this process and its sandboxes together; ten fields, three of them changed.
"""

from __future__ import annotations

import argparse
import resource
import time
from decimal import Decimal

import pyarrow as pa

from penstock.transforms.events import Events
from penstock.transforms.python.host import PythonTransformer

BATCH = 50_000
SCRIPT = """
from penstock.transform.api import Event

def transform(event):
    props = event.getProperties()
    props['net'] = props['gross'] - props['tax']
    props['email'] = props['email'].lower()
    del props['note']
    return event
"""


def batch(rows: int, *, typed: bool) -> pa.RecordBatch:
    """Ten fields: numbers, text, a flag, a moment; typed: also a decimal and a date."""
    count = range(rows)
    columns = {
        "id": pa.array(count, pa.int64()),
        "email": pa.array([f"Person{i}@Shop.example" for i in count]),
        "city": pa.array([f"city {i % 97}" for i in count]),
        "gross": pa.array([i * 1.25 for i in count]),
        "tax": pa.array([i * 0.25 for i in count]),
        "qty": pa.array([i % 9 for i in count], pa.int32()),
        "active": pa.array([i % 3 == 0 for i in count]),
        "note": pa.array([f"note number {i}" for i in count]),
        "status": pa.array(["new" if i % 2 else "paid" for i in count]),
        "created": pa.array([1714979045_000000 + i for i in count], pa.timestamp("us", "UTC")),
    }
    if typed:
        columns["city"] = pa.array([Decimal(i) / 100 for i in count], pa.decimal128(10, 2))
        columns["status"] = pa.array([19000 + i % 365 for i in count], pa.int32()).cast(pa.date32())
    return pa.record_batch(columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=600_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--typed", action="store_true", help="with a decimal and a date")
    options = parser.parse_args()
    rows = batch(BATCH, typed=options.typed)
    events = Events("orders", ("id",), rows, pa.array(range(BATCH), pa.int32()))
    transformer = PythonTransformer(SCRIPT, processes=options.processes)
    transformer.transform(events)
    rounds = max(1, options.events // BATCH)
    began, own = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(rounds):
        result = transformer.transform(events)
        assert result.outputs[0].rows.num_rows == BATCH
    wall = time.perf_counter() - began
    spent = resource.getrusage(resource.RUSAGE_SELF)
    parent = spent.ru_utime + spent.ru_stime - own.ru_utime - own.ru_stime
    transformer.close()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    children = ended.ru_utime + ended.ru_stime
    done = rounds * BATCH
    print(f"layers on         {', '.join(transformer.layers)}")
    print(f"events            {done:,} of {rows.num_columns} fields, {options.processes} processes")
    print(f"wall              {wall:.2f} s, {done / wall:,.0f} events/s")
    print(f"CPU of the parent {parent:.2f} s, {parent / done * 1e6:.2f} us per event")
    print(f"CPU of the others {children:.2f} s (with their start)")


if __name__ == "__main__":
    main()
