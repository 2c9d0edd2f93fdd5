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


def cpu(who: int) -> float:
    """User and system seconds so far."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def measure(events: Events, rounds: int, processes: int) -> tuple[float, float, float]:
    """Wall, CPU of this process and of its sandboxes (with their start) after a first batch."""
    before = cpu(resource.RUSAGE_CHILDREN)
    transformer = PythonTransformer(SCRIPT, processes=processes)
    transformer.transform(events)
    began, own = time.perf_counter(), cpu(resource.RUSAGE_SELF)
    for _ in range(rounds):
        result = transformer.transform(events)
        assert result.outputs[0].rows.num_rows == BATCH
    wall, parent = time.perf_counter() - began, cpu(resource.RUSAGE_SELF) - own
    transformer.close()
    return wall, parent, cpu(resource.RUSAGE_CHILDREN) - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=600_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--typed", action="store_true", help="with a decimal and a date")
    options = parser.parse_args()
    rows = batch(BATCH, typed=options.typed)
    events = Events("orders", ("id",), rows, pa.array(range(BATCH), pa.int32()))
    rounds = max(1, options.events // BATCH)
    _, _, start = measure(events, 0, options.processes)
    wall, parent, children = measure(events, rounds, options.processes)
    done = rounds * BATCH
    each = (parent + children - start) / done
    print(f"events    {done:,} of {rows.num_columns} fields, {options.processes} processes")
    print(f"wall      {wall:.2f} s, {done / wall:,.0f} events/s")
    print(f"CPU       {each * 1e6:.2f} us per event, {parent / done * 1e6:.2f} of it outside")
    print(f"two cores {2 / each:,.0f} events/s when nothing else runs")
    print(f"start     {start:.2f} s of CPU for the processes and the first {BATCH:,} events")


if __name__ == "__main__":
    main()
