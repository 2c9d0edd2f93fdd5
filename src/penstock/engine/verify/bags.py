"""Tables whose rows nothing tells apart: each row of the source must be there as often."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from typing import Any, Final

import duckdb
import pyarrow as pa

from penstock.engine.verify.compare import How
from penstock.engine.verify.forms import shown
from penstock.engine.verify.hashing import hash_of, memory_settings
from penstock.engine.verify.result import Difference, DifferentValue, Kind, ObjectResult, Status
from penstock.engine.verify.sides import Sides

_LOOSE: Final = 500_000
"""Hashes that wait to be counted."""


def compare_bags(sides: Sides, result: ObjectResult, how: How) -> None:
    """Of a table without a key: whether it holds every row of the source as often, at least.

    Each read of such an object appends what it read, so there may be more.
    """
    result.method = "counts"
    with closing(_Bags(sides.schema, how)) as bags:
        for item in sides.source():
            if item.behind:
                result.behind += item.rows.num_rows
            elif not item.gone:
                bags.add(item.rows, 1)
        for rows in sides.destination():
            bags.add(rows, -1)
        missing, more = bags.compare()
        late = _late(how, result) if missing else 0
        result.behind += min(late, missing)
        missing = max(missing - late, 0)
        result.source_rows, result.destination_rows = bags.counts
        result.failed = len(sides.refused) + sides.nameless
        if missing:
            result.counts[Kind.MISSING] = missing
            result.status = Status.DIFFERENT
            result.differences = tuple(_missing(bags, sides, how, missing))
        elif result.failed:
            result.status = Status.SET_ASIDE
    result.notes.append("It has no key: whole rows are compared.")
    if more:
        result.notes.append(f"The table has {more:,} more: each run appends its rows.")


def _late(how: How, result: ObjectResult) -> int:
    """Rows that the log has and no job has loaded."""
    if how.pending is None:
        return 0
    with how.pending.still() as still:
        late = sum(batch.num_rows for batch in still.changes)
    if still.doubt:
        result.notes.append(still.doubt)
    return late


def _missing(bags: _Bags, sides: Sides, how: How, count: int) -> Iterator[Difference]:
    """The first rows that are missing, with their values."""
    left = min(how.limit, count)
    for item in sides.source():
        if item.behind or item.gone:
            continue
        for row in bags.missing(item.rows, left).to_pylist():
            yield Difference((), Kind.MISSING, tuple(_values(row, how.hidden)))
            left -= 1
        if left <= 0:
            return


def _values(row: dict[str, Any], hidden: Collection[str]) -> Iterator[DifferentValue]:
    for name, value in row.items():
        yield DifferentValue(name, "(hidden)" if name in hidden else shown(value), None)


class _Bags:
    """How often each row is there, by hash; those of the table are taken off again."""

    def __init__(self, schema: pa.Schema, how: How) -> None:
        self._hash = hash_of(list(schema))
        self._connection = duckdb.connect(
            str(how.folder / "rows.duckdb"),
            config={
                **memory_settings(how.memory_bytes, len(schema)),
                "temp_directory": str(how.folder / "spilled"),
            },
        )
        self._connection.execute("SET timezone = 'UTC'")
        self._connection.execute("CREATE TABLE bags (hash UBIGINT, times BIGINT)")
        self._loose = 0
        self._rows = {1: 0, -1: 0}

    def close(self) -> None:
        self._connection.close()

    @property
    def counts(self) -> tuple[int, int]:
        """Rows of the source and of the table."""
        return self._rows[1], self._rows[-1]

    def add(self, rows: pa.Table, times: int) -> None:
        self._rows[times] += rows.num_rows
        self._connection.register("given", rows)
        self._connection.execute(
            f"INSERT INTO bags SELECT {self._hash}, {times} * count(*) FROM given GROUP BY 1"
        )
        self._connection.unregister("given")
        self._loose += rows.num_rows
        if self._loose > _LOOSE:
            self._count()

    def compare(self) -> tuple[int, int]:
        """How many rows the table lacks, and how many it has beyond the source's."""
        self._count()
        ((missing, more),) = self._connection.execute(
            "SELECT coalesce(sum(times) FILTER (times > 0), 0)::BIGINT, "
            "coalesce(-sum(times) FILTER (times < 0), 0)::BIGINT FROM bags"
        ).fetchall()
        return int(missing), int(more)

    def missing(self, rows: pa.Table, most: int) -> pa.Table:
        """The first of these rows that the table lacks."""
        self._connection.register("given", rows)
        found: pa.Table = self._connection.sql(
            f"SELECT g.* FROM given g SEMI JOIN (SELECT hash FROM bags WHERE times > 0) b "
            f"ON {self._hash} = b.hash LIMIT {most}"
        ).to_arrow_table()
        self._connection.unregister("given")
        return found

    def _count(self) -> None:
        """Add up, and forget rows that both sides have as often."""
        self._connection.execute(
            "CREATE OR REPLACE TABLE bags AS SELECT hash, sum(times)::BIGINT AS times FROM bags "
            "GROUP BY 1 HAVING sum(times) <> 0"
        )
        self._loose = 0
