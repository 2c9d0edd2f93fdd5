"""Find the rows of a load that a destination will not take, by halving."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core.batch import MOST_FAILED
from penstock.core.errors import ConfigError, DataError, Interrupted, NoRoom
from penstock.core.load import TableLoad
from penstock.sdk.destination import Refused

if TYPE_CHECKING:
    from penstock.sdk.sql.destination import SqlDestination

Problem = DataError | NoRoom
Trial = Callable[[pa.Table], Problem | None]
"""Loads rows, takes them back, and tells why they were refused."""

_LARGE_BYTES = 1_000_000
"""Where a smaller row finds no room, the row is not to blame."""


def find_refused(
    destination: SqlDestination,
    load: TableLoad,
    before: Sequence[TableLoad] = (),
    most: int = MOST_FAILED,
) -> list[Refused]:
    """Refused rows with their code and reason; trials are rolled back.

    Costs about `bad * 2 * log2(rows)` trials, each on half the rows of the one before. Rows
    that are refused only beside each other (the same value twice in a unique column) take as
    many trials on up to all rows: then the later ones are refused.

    Raises:
        ConfigError: more than `most` rows are refused: the table does not suit the load, and
            looking for the others would take long.
        NoRoom: there is too little memory, and not for a large row by itself.
        Interrupted: the job is to stop.
    """
    rows = pa.concat_tables([pq.read_table(file) for file in load.files], promote_options="default")
    with tempfile.TemporaryDirectory(prefix="penstock-halving-") as folder:
        trial = partial(_trial, destination, load, before, Path(folder) / "rows.parquet")
        alone = _at_most(most, _search(trial, rows, 0), load)
        bad = {item.index for item in alone}
        numbers = [n for n in range(rows.num_rows) if n not in bad]
        rest = rows.take(pa.array(numbers, pa.int64()))
        beside = _at_most(most - len(alone), _build_up(trial, rest, numbers), load)
    return sorted([*alone, *beside], key=lambda item: item.index)


def _at_most(most: int, found: Iterator[Refused], load: TableLoad) -> list[Refused]:
    items = list(islice(found, most))
    for item in found:
        raise _too_many(load, item)
    return items


def _too_many(load: TableLoad, last: Refused) -> ConfigError:
    return ConfigError(
        f"The table {load.table} refuses too many rows of one load, the last one because: "
        f"{last.reason}",
        hint="Change the rule or the column that refuses them, then run again: the rows wait in "
        "the staging area and are loaded first.",
        code="load.too_many_refused",
        table=load.table,
    )


def _search(trial: Trial, rows: pa.Table, start: int) -> Iterator[Refused]:
    """Rows that are refused by themselves, in order."""
    error = trial(rows)
    if error is None:
        return
    if rows.num_rows == 1:
        yield _refused(start, rows, error)
        return
    half = rows.num_rows // 2
    yield from _search(trial, rows.slice(0, half), start)
    yield from _search(trial, rows.slice(half), start + half)


def _refused(index: int, row: pa.Table, error: Problem) -> Refused:
    if isinstance(error, DataError):
        return Refused(index, error.code, error.message)
    if row.nbytes < _LARGE_BYTES:
        raise error
    size = f"The row has {row.nbytes / 1e6:,.0f} MB"
    return Refused(index, "VALUE_TOO_LONG", f"{size}: too much for the memory that may be used.")


def _build_up(trial: Trial, rows: pa.Table, numbers: Sequence[int]) -> Iterator[Refused]:
    """Rows that are refused beside those before them; what is taken grows part by part."""
    taken = rows.slice(0, 0)
    parts = [(0, rows.num_rows)] if rows.num_rows else []
    while parts:
        start, end = parts.pop()
        both = pa.concat_tables([taken, rows.slice(start, end - start)])
        error = trial(both)
        if isinstance(error, NoRoom):
            raise error  # Each of them finds room by itself.
        if error is None:
            taken = both
        elif end - start == 1:
            yield Refused(numbers[start], error.code, error.message)
        else:
            half = (start + end) // 2
            parts += [(half, end), (start, half)]


def _trial(
    destination: SqlDestination,
    load: TableLoad,
    before: Sequence[TableLoad],
    file: Path,
    rows: pa.Table,
) -> Problem | None:
    if destination.cancel.is_set():
        raise Interrupted("The job was stopped while refused rows were looked for.")
    pq.write_table(rows, file)
    try:
        part = replace(load, files=(file,), rows=rows.num_rows, sweep=None)
        destination.try_load(part, before)
    except (DataError, NoRoom) as error:
        return error
    return None
