"""Sums of hashes of rows that both ends gave, where an engine cannot make them itself.

Only the sums are kept, so a table of any size takes the same memory; the rows of buckets whose
sums differ are then read once more and compared one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import duckdb
import pyarrow as pa

from penstock.core.digest import Form, KeyBuckets, Part
from penstock.engine.verify.hashing import hash_of, ident, memory_settings
from penstock.sdk.sql.digest.sums import DIGITS

_BUCKETS: Final = 4_096
_LOOSE: Final = 20_000
"""Sums that wait to be added up."""


@dataclass(frozen=True)
class Equal:
    """How many rows each side has in buckets that are equal."""

    source: int
    destination: int


class RowSums:
    """Sums by bucket of the key's hash, of both sides.

    Args:
        schema: columns of both sides, in comparable types.
        key: those of the key.
        buckets: by which both ends can be asked for rows; None when they cannot.
    """

    def __init__(
        self, schema: pa.Schema, key: Sequence[str], buckets: KeyBuckets | None, memory_bytes: int
    ) -> None:
        self._hash = hash_of(list(schema))
        self._buckets = buckets
        self._bucket = f"{hash_of([schema.field(name) for name in key])} % {_BUCKETS}"
        if buckets is not None:
            self._bucket = _bucket(buckets)
        self._connection = duckdb.connect(
            ":memory:", config=memory_settings(memory_bytes, len(schema))
        )
        self._connection.execute("SET timezone = 'UTC'")
        self._connection.execute("CREATE TABLE sums (bucket UINTEGER, rows BIGINT, there BIGINT, "
                                 "total HUGEINT)")  # fmt: skip
        self._loose = 0
        self._differing = ""

    def close(self) -> None:
        self._connection.close()

    def add(self, rows: pa.Table, *, source: bool) -> None:
        here, there, sign = ("count(*)", "0", "") if source else ("0", "count(*)", "-")
        self._connection.register("given", rows)
        self._connection.execute(
            f"INSERT INTO sums SELECT {self._bucket}, {here}, {there}, {sign}sum({self._hash}) "
            "FROM given GROUP BY 1"
        )
        self._connection.unregister("given")
        self._loose += min(rows.num_rows, _BUCKETS)
        if self._loose > _LOOSE:
            self._add_up()

    def compare(self) -> Equal:
        """Find the buckets that differ."""
        self._add_up()
        self._connection.execute(
            "CREATE OR REPLACE TABLE differing AS SELECT bucket FROM sums "
            "WHERE rows <> there OR total <> 0"
        )
        return Equal(*self._one(
            "SELECT coalesce(sum(rows), 0)::BIGINT, coalesce(sum(there), 0)::BIGINT "
            "FROM sums ANTI JOIN differing USING (bucket)"
        ))  # fmt: skip

    @property
    def differing(self) -> int:
        """How many buckets differ."""
        return int(self._one("SELECT count(*) FROM differing")[0])

    def part(self) -> Part:
        """The buckets that differ, as both ends can be asked for them; all rows if they cannot."""
        if self._buckets is None:
            return ()
        found = self._connection.execute("SELECT bucket FROM differing ORDER BY 1").fetchall()
        return replace(self._buckets, numbers=tuple(number for (number,) in found))

    def only(self, rows: pa.Table) -> pa.Array:
        """Which rows (boolean, length n) are in buckets that differ."""
        self._connection.register("given", rows)
        found = self._connection.sql(
            f"SELECT ({self._bucket}) IN (SELECT bucket FROM differing) AS there FROM given"
        ).to_arrow_table()
        self._connection.unregister("given")
        return found.column("there").combine_chunks()

    def _add_up(self) -> None:
        self._connection.execute(
            "CREATE OR REPLACE TABLE sums AS SELECT bucket, sum(rows)::BIGINT AS rows, "
            "sum(there)::BIGINT AS there, sum(total)::HUGEINT AS total FROM sums GROUP BY 1"
        )
        self._loose = 0

    def _one(self, sql: str) -> tuple[Any, ...]:
        (row,) = self._connection.execute(sql).fetchall()
        found: tuple[Any, ...] = row
        return found


def _bucket(buckets: KeyBuckets) -> str:
    """As `DigestPlan` says, of keys of whole numbers and texts."""
    parts = []
    for name, form in buckets.columns:
        column = ident(name)
        length = f"length({column}), ':', " if form is Form.TEXT else ""
        parts.append(f"{length}{column}, ','")
    digits = f"left(md5(concat({', '.join(parts)})), {DIGITS})"
    return f"CAST('0x' || {digits} AS BIGINT) % {buckets.count}"
