"""dlt copies one table of a database, by the settings that cost it least.

Arguments: source URL (SQLAlchemy), target (a DuckDB file or a PostgreSQL URL), a folder for its
state, backend (`connectorx` or `pyarrow`), table; to merge what changed also key and cursor.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.sql_database import sql_table


def main(
    source: str, target: str, folder: str, backend: str, table: str, key: str = "", cursor: str = ""
) -> None:
    options: dict[str, Any] = {"backend": backend, "chunk_size": 200_000}
    if backend == "connectorx":
        plain = source.replace("+psycopg2", "").replace("+pymysql", "")
        options["backend_kwargs"] = {"conn": plain}
    if cursor:
        first = datetime(2000, 1, 1)  # noqa: DTZ001 (the column has no zone)
        options["incremental"] = dlt.sources.incremental(cursor, initial_value=first)
    resource = sql_table(source, table=table, **options)
    if cursor:
        resource.apply_hints(primary_key=key)
    duck = not target.startswith("postgresql:")
    destination = dlt.destinations.duckdb(target) if duck else dlt.destinations.postgres(target)
    pipeline = dlt.pipeline(
        table, pipelines_dir=str(Path(folder) / "dlt"), destination=destination, dataset_name="d"
    )
    print(
        pipeline.run(
            resource,
            write_disposition="merge" if cursor else "replace",
            loader_file_format="parquet" if duck else "csv",
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
