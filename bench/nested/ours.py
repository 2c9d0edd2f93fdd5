"""Take nested records apart and write the tables as Parquet; prints CPU seconds and rows.

Arguments: the file of records, the folder for the tables. What is measured begins with columns
of JSON text, as sources give them, and ends with the files.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core.collector import calm_collector
from penstock.core.events import Events
from penstock.core.types import JSON
from penstock.nested import NestedSettings, PathNames, Shaper, Strategy

BATCH = 20_000
NESTED = ("address", "contacts", "scores", "meta")


def batches(file: Path) -> list[Events]:
    """The records, objects and arrays as JSON."""
    made = []
    with file.open(encoding="utf-8") as lines:
        while part := [json.loads(line) for _, line in zip(range(BATCH), lines, strict=False)]:
            columns = {name: _column(name, [row[name] for row in part]) for name in part[0]}
            schema = pa.schema([pa.field(name, array.type) for name, array in columns.items()])
            rows = pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)
            origin = pa.array(range(len(part)), pa.int32())
            made.append(Events("orgs", ("_id",), rows, origin))
    return made


def _column(name: str, values: list[Any]) -> pa.Array:
    if name not in NESTED:
        return pa.array(values)
    texts = [json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values]
    return pa.ExtensionArray.from_storage(JSON, pa.array(texts, pa.string()))


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(file: str, folder: str) -> None:
    pa.set_cpu_count(1)
    given = batches(Path(file))
    gc.collect()
    shaper = Shaper(NestedSettings(strategy=Strategy.FLATTEN_SPLIT), PathNames())
    rows: Counter[str] = Counter()
    writers: dict[str, pq.ParquetWriter] = {}
    with calm_collector(), ExitStack() as stack:
        began = cpu_s()
        for events in given:
            for made in shaper.shape(events).outputs:
                if made.name not in writers:
                    place = Path(folder) / f"{made.name}.parquet"
                    writer = pq.ParquetWriter(place, made.rows.schema)
                    writers[made.name] = stack.enter_context(writer)
                writers[made.name].write_batch(made.rows)
                rows[made.name] += made.rows.num_rows
        stack.close()
        used = cpu_s() - began
    print(json.dumps({"cpu_s": used, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
