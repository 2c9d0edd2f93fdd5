"""dlt reads a table by its incremental cursor each second, until a file called `stop` appears.

Arguments: source URL (SQLAlchemy), DuckDB file, folder. Prints the number of reads.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import dlt
from dlt.sources.sql_database import sql_table


def main(source: str, file: str, folder: str) -> None:
    pipeline = dlt.pipeline(
        "late",
        pipelines_dir=str(Path(folder) / "dlt"),
        destination=dlt.destinations.duckdb(file),
        dataset_name="d",
    )
    reads, last = 0, False
    while not last:
        last = (Path(folder) / "stop").exists()
        began = time.monotonic()
        cursor = dlt.sources.incremental(
            "created_at", initial_value=datetime(2000, 1, 1, tzinfo=UTC)
        )
        table = sql_table(source, table="events", incremental=cursor, backend="pyarrow")
        table.apply_hints(primary_key="id")
        pipeline.run(table, write_disposition="merge", loader_file_format="parquet")
        reads += 1
        if not last:
            time.sleep(max(0.0, 1 - (time.monotonic() - began)))
    print(reads)


if __name__ == "__main__":
    main(*sys.argv[1:])
