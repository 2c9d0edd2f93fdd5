"""Keys and hashes of both ends in an embedded database, which finds the keys that differ."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from penstock.core.keys import KeyRange
from penstock.engine.verify.hashing import hash_of, ident, memory_settings
from penstock.engine.verify.result import Kind, RangeCount


class Comparison:
    """Rows of both ends, told apart by their key; of each a hash of its other values.

    Of a key that a source gives several times the last one counts; in a table each counts.

    Args:
        schema: columns of both sides, in comparable types.
        key: those of the key.
        folder: for the database and what it spills.
    """

    def __init__(
        self, schema: pa.Schema, key: Sequence[str], folder: Path, memory_bytes: int
    ) -> None:
        self._schema = pa.schema([schema.field(name) for name in key])
        self.key = tuple(key)
        self._keys = [ident(name) for name in key]
        self._hash = hash_of([field for field in schema if field.name not in key])
        self._connection = duckdb.connect(
            str(folder / "compared.duckdb"),
            config={
                **memory_settings(memory_bytes, len(schema)),
                "temp_directory": str(folder / "spilled"),
            },
        )
        self._connection.execute("SET timezone = 'UTC'")
        self._given = 0
        self.all_pending = False
        """The log has a change of every row."""
        empty = pa.Table.from_batches([], schema=self._schema)
        self._connection.register("empty", empty)
        for look in (1, 2):
            self._connection.execute(
                f"CREATE TABLE source{look} AS SELECT *, 0::UBIGINT AS _hash, 0::BIGINT AS _no, "
                "FALSE AS _gone, FALSE AS _behind, FALSE AS _partial FROM empty"
            )
            self._connection.execute(
                f"CREATE TABLE destination{look} AS SELECT *, 0::UBIGINT AS _hash FROM empty"
            )
        self._connection.execute("CREATE TABLE pending AS SELECT * FROM empty")
        self._connection.unregister("empty")

    def interrupt(self) -> None:
        """From another thread: give up what is compared right now."""
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()

    def add_source(
        self, rows: pa.Table, *, look: int, gone: bool, behind: bool, partial: pa.Array | None
    ) -> None:
        """Rows as read, in order.

        Args:
            gone: the source says that these rows are deleted.
            behind: rows that no job has read yet.
            partial: marks rows of which only the key is known.
        """
        mark = "_partial" if partial is not None else "FALSE"
        if partial is not None:
            rows = rows.append_column("_partial", partial)
        self._add(
            f"source{look}", rows,
            f", {self._given} + row_number() OVER (), {gone}, {behind}, {mark}",
        )  # fmt: skip
        self._given += rows.num_rows

    def add_destination(self, rows: pa.Table, *, look: int) -> None:
        self._add(f"destination{look}", rows, "")

    def add_pending(self, rows: pa.Table) -> None:
        """Keys of rows that changed since the last job; of those that differ they are kept."""
        self._connection.register("given", rows)
        keys = ", ".join(f"g.{name}" for name in self._keys)
        self._connection.execute(
            f"INSERT INTO pending SELECT {keys} FROM given g SEMI JOIN differing2 f "
            f"ON {self._same('g', 'f')}"
        )
        self._connection.unregister("given")

    def _add(self, table: str, rows: pa.Table, more: str) -> None:
        keys = ", ".join(self._keys)
        self._connection.register("given", rows)
        self._connection.execute(
            f"INSERT INTO {table} SELECT {keys}, {self._hash}{more} FROM given"
        )
        self._connection.unregister("given")

    def count(self, sql: str) -> int:
        ((found,),) = self._rows(sql)
        return int(found)

    def compare(self, look: int) -> int:
        """Make the table `differing{look}` of keys with `_kind` and `_behind`; its rows.

        A row that no job has read yet may be missing or older in the table.
        """
        keys = ", ".join(self._keys)
        either = ", ".join(f"coalesce(s.{name}, d.{name}) AS {name}" for name in self._keys)
        newest = ", ".join(
            f"arg_max({name}, _no) AS {name}" for name in ("_gone", "_behind", "_partial")
        )
        self._connection.execute(
            f"CREATE OR REPLACE TABLE differing{look} AS "
            f"WITH s AS (SELECT *, TRUE AS _there FROM (SELECT {keys}, "
            f"arg_max(_hash, _no) AS _hash, {newest} FROM source{look} GROUP BY {keys}) "
            "WHERE NOT _gone), "
            f"d AS (SELECT {keys}, count(*) AS _rows, any_value(_hash) AS _hash "
            f"FROM destination{look} GROUP BY {keys}) "
            f"SELECT {either}, CASE WHEN d._rows IS NULL THEN '{Kind.MISSING}' "
            f"WHEN s._there IS NULL THEN '{Kind.EXTRA}' WHEN d._rows > 1 THEN '{Kind.DOUBLED}' "
            f"ELSE '{Kind.CHANGED}' END AS _kind, coalesce(s._behind, FALSE) AS _behind, "
            "s._hash AS _source_hash "
            f"FROM s FULL JOIN d ON {self._same('s', 'd')} WHERE d._rows IS NULL "
            "OR s._there IS NULL OR d._rows > 1 OR (s._hash <> d._hash AND NOT s._partial)"
        )
        return self.count(f"SELECT count(*) FROM differing{look}")

    def source_rows(self, look: int = 1) -> int:
        keys = ", ".join(self._keys)
        return self.count(
            f"SELECT count(*) FROM (SELECT arg_max(_gone, _no) AS gone FROM source{look} "
            f"GROUP BY {keys}) WHERE NOT gone"
        )

    def destination_rows(self, look: int = 1) -> int:
        return self.count(f"SELECT count(*) FROM destination{look}")

    def only(self, rows: pa.Table, table: str) -> pa.Table:
        """Those of the rows whose key is in a table of ours."""
        self._connection.register("given", rows)
        found: pa.Table = self._connection.sql(
            f"SELECT g.* FROM given g SEMI JOIN {table} f ON {self._same('g', 'f')}"
        ).to_arrow_table()
        self._connection.unregister("given")
        return found.cast(rows.schema)

    def keep(self, limit: int) -> None:
        """The table `kept`: the first keys that differ, whose rows are shown."""
        keys = ", ".join(self._keys)
        self._connection.execute(
            f"CREATE OR REPLACE TABLE kept AS SELECT {keys} FROM differing1 "
            f"ORDER BY {keys} LIMIT {limit}"
        )

    def settle(self, failed: Collection[str]) -> None:
        """The table `differing`: keys that both looks found. Rows that changed in the source
        between the looks, like those that no job has read, are `_behind`.

        Args:
            failed: keys of open failed events, parts joined by ":".
        """
        keys = ", ".join(f"b.{name}" for name in self._keys)
        words = ", ".join(f"CAST(b.{name} AS VARCHAR)" for name in self._keys)
        self._connection.register(
            "failed", pa.table({"key": pa.array(sorted(failed), pa.string())})
        )
        self._connection.execute(
            f"CREATE OR REPLACE TABLE differing AS SELECT {keys}, b._kind, "
            f"{self.all_pending} OR b._behind OR a._source_hash IS DISTINCT FROM b._source_hash "
            f"OR EXISTS (SELECT 1 FROM pending p WHERE {self._same('p', 'b')}) AS _behind, "
            f"concat_ws(':', {words}) IN (SELECT key FROM failed) AS _failed "
            f"FROM differing1 a JOIN differing2 b ON {self._same('a', 'b')}"
        )
        self._connection.unregister("failed")

    def among(self, keys: Collection[str]) -> int:
        """How many of these keys, parts joined by ":", are in `differing`."""
        words = ", ".join(f"CAST({name} AS VARCHAR)" for name in self._keys)
        self._connection.register("these", pa.table({"key": pa.array(sorted(keys), pa.string())}))
        found = self.count(
            f"SELECT count(*) FROM differing WHERE concat_ws(':', {words}) IN "
            "(SELECT key FROM these) AND NOT _behind"
        )
        self._connection.unregister("these")
        return found

    def kinds(self) -> list[tuple[str, bool, bool, int]]:
        """Keys of `differing`: (kind, behind, failed, count)."""
        return self._rows(
            "SELECT _kind, _behind, _failed, count(*) FROM differing GROUP BY ALL ORDER BY ALL"
        )

    def drop(self, condition: str) -> None:
        """Take keys out of `differing`."""
        self._connection.execute(f"DELETE FROM differing WHERE {condition}")

    def first(self, limit: int) -> list[tuple[Any, ...]]:
        """The first differing keys: key columns, kind, whether an open failed event has it."""
        keys = ", ".join(self._keys)
        return self._rows(
            f"SELECT {keys}, _kind, _failed FROM differing ORDER BY _failed, {keys} LIMIT {limit}"
        )

    def differing(self) -> pa.Table:
        """All of them, with `_kind`."""
        found: pa.Table = self._connection.sql(
            "SELECT * EXCLUDE (_behind, _failed) FROM differing"
        ).to_arrow_table()
        return found

    def ranges(self, table: str, most: int) -> list[RangeCount]:
        """Ranges of the key's first column that hold the keys of a table, cut where the gaps
        are largest. Keys that are no whole numbers are one range."""
        name = self._keys[0]
        gaps = ""
        if pa.types.is_integer(self._schema.field(0).type):
            gaps = (
                f"SELECT k FROM (SELECT k, k::HUGEINT - lag(k) OVER (ORDER BY k) AS gap FROM d) "
                f"WHERE gap > 1 ORDER BY gap DESC, k LIMIT {most - 1}"
            )
        else:
            gaps = "SELECT k FROM d WHERE FALSE"
        found = self._rows(
            f"WITH d AS (SELECT {name} AS k, count(*) AS n FROM {table} GROUP BY ALL), "
            f"b AS ({gaps}), r AS (SELECT d.k, d.n, "
            "count(b.k) OVER (ORDER BY d.k) AS r FROM d LEFT JOIN b ON d.k = b.k) "
            "SELECT min(k), max(k), sum(n)::BIGINT FROM r GROUP BY r ORDER BY r"
        )
        return [RangeCount(KeyRange(first, last), count) for first, last, count in found]

    @property
    def ranged(self) -> bool:
        """Whether rows can be asked for by ranges of keys."""
        return bool(pa.types.is_integer(self._schema.field(0).type))

    def _same(self, left: str, right: str) -> str:
        return " AND ".join(f"{left}.{name} = {right}.{name}" for name in self._keys)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        return found
