"""Find the rows of a load that a destination will not take, by halving."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core.errors import DataError
from penstock.core.load import TableLoad
from penstock.sdk.destination import Refused

if TYPE_CHECKING:
    from penstock.sdk.sql.destination import SqlDestination


def find_refused(destination: SqlDestination, load: TableLoad) -> list[Refused]:
    """Refused rows with their code and reason; trials are rolled back.

    Costs about `bad * 2 * log2(rows)` trials, each on half the rows of the one before.
    """
    rows = pa.concat_tables([pq.read_table(file) for file in load.files], promote_options="default")
    with tempfile.TemporaryDirectory(prefix="penstock-halving-") as folder:
        return _search(destination, load, rows, 0, Path(folder) / "rows.parquet")


def _search(
    destination: SqlDestination, load: TableLoad, rows: pa.Table, start: int, file: Path
) -> list[Refused]:
    error = _trial(destination, load, rows, file)
    if error is None:
        return []
    if rows.num_rows == 1:
        return [Refused(start, error.code, error.message)]
    half = rows.num_rows // 2
    return [
        *_search(destination, load, rows.slice(0, half), start, file),
        *_search(destination, load, rows.slice(half), start + half, file),
    ]


def _trial(
    destination: SqlDestination, load: TableLoad, rows: pa.Table, file: Path
) -> DataError | None:
    pq.write_table(rows, file)
    try:
        destination.try_load(replace(load, files=(file,), rows=rows.num_rows, sweep=None))
    except DataError as error:
        return error
    return None
