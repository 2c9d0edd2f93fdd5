"""The load ledger `_ps_loads`, and which generation of each table is shown."""

from __future__ import annotations

from dataclasses import replace

from penstock.core.errors import ConfigError
from penstock.core.load import Receipt, TableLoad
from penstock.core.metadata import LEDGER
from penstock.sdk.destination import LedgerEntry
from penstock.sdk.sql.tx import Tx

TABLES = "_ps_tables"
KEPT_ROWS = 1_000
_COUNTS = ("inserted", "updated", "deleted", "unchanged", "flagged", "held")


class Ledger:
    """Rows of our own in a destination; every method runs inside the caller's transaction."""

    def __init__(self, prefix: str, text: str = "VARCHAR", long_text: str | None = None) -> None:
        self._loads = f'{prefix}"{LEDGER}"'
        self._tables = f'{prefix}"{TABLES}"'
        self._text = text
        self._long_text = long_text or text

    def create(self, tx: Tx) -> None:
        text = self._text
        counts = ", ".join(f"{name} BIGINT NOT NULL" for name in _COUNTS)
        tx.run(
            f"CREATE TABLE IF NOT EXISTS {self._loads} (load_id {text} PRIMARY KEY, "
            f"pipeline {text} NOT NULL, table_name {text} NOT NULL, checkpoint {self._long_text}, "
            f'"rows" BIGINT NOT NULL, loaded_at BIGINT NOT NULL, split {text} NOT NULL, '
            f"package_no BIGINT NOT NULL, fence BIGINT NOT NULL, {counts})"
        )
        tx.run(
            f"CREATE TABLE IF NOT EXISTS {self._tables} (table_name {text} PRIMARY KEY, "
            "generation BIGINT NOT NULL, published_at BIGINT NOT NULL)"
        )

    def find(self, tx: Tx, load: TableLoad) -> Receipt | None:
        """The receipt of a load that was done before.

        Raises:
            ConfigError: a newer run of this pipeline has written here since.
        """
        names = ", ".join(_COUNTS)
        found = tx.rows(f"SELECT {names} FROM {self._loads} WHERE load_id = ?", [load.load_id])
        if found:
            values = dict(zip(_COUNTS, found[0], strict=True))
            return replace(Receipt(load.load_id, load.table, replayed=True), **values)
        newest = tx.rows(
            f"SELECT max(fence) FROM {self._loads} WHERE pipeline = ?", [load.pipeline]
        )[0][0]
        if newest is not None and newest > load.fence:
            raise ConfigError(
                f"Another, newer run of the pipeline {load.pipeline} writes to this destination.",
                hint="Let one workspace at a time run it, or give the pipelines different names.",
                code="load.fenced",
                pipeline=load.pipeline,
                table=load.table,
            )
        return None

    def add(self, tx: Tx, load: TableLoad, receipt: Receipt) -> None:
        values = [
            load.load_id, load.pipeline, load.table, load.checkpoint, load.rows,
            load.loaded_at, load.split, load.package_no, load.fence,
            *(getattr(receipt, name) for name in _COUNTS),
        ]  # fmt: skip
        marks = ", ".join("?" for _ in values)
        tx.run(
            f'INSERT INTO {self._loads} (load_id, pipeline, table_name, checkpoint, "rows", '
            f"loaded_at, split, package_no, fence, {', '.join(_COUNTS)}) VALUES ({marks})",
            values,
        )

    def trim(self, tx: Tx, pipeline: str) -> None:
        """Keep the newest thousand rows of a pipeline, and what `newest` gives."""
        tx.run(
            f"DELETE FROM {self._loads} WHERE pipeline = ? AND loaded_at < ("
            f"SELECT min(loaded_at) FROM (SELECT loaded_at FROM {self._loads} "
            f"WHERE pipeline = ? ORDER BY loaded_at DESC LIMIT {KEPT_ROWS}) n) "
            f"AND NOT EXISTS (SELECT 1 FROM (SELECT split AS s, max(package_no) AS n, "
            f"max(CASE WHEN checkpoint IS NOT NULL THEN package_no END) AS c "
            f"FROM {self._loads} WHERE pipeline = ? GROUP BY split) m "
            "WHERE m.s = split AND (m.n = package_no OR m.c = package_no))",
            [pipeline, pipeline, pipeline],
        )

    def newest(self, tx: Tx, pipeline: str) -> list[LedgerEntry]:
        last = (
            f"(SELECT max(package_no) FROM {self._loads} m "
            "WHERE m.pipeline = l.pipeline AND m.split = l.split"
        )
        found = tx.rows(
            "SELECT l.load_id, l.table_name, l.split, l.package_no, l.checkpoint, l.fence, "
            f"l.loaded_at, COALESCE(t.generation, 0) FROM {self._loads} l "
            f"LEFT JOIN {self._tables} t ON t.table_name = l.table_name WHERE l.pipeline = ? "
            f"AND (l.package_no = {last}) "
            f"OR l.package_no = {last} AND m.checkpoint IS NOT NULL)) ORDER BY l.package_no",
            [pipeline],
        )
        return [LedgerEntry(*row) for row in found]

    def generation(self, tx: Tx, table: str) -> int:
        found = tx.rows(f"SELECT generation FROM {self._tables} WHERE table_name = ?", [table])
        return int(found[0][0]) if found else 0

    def generations(self, tx: Tx) -> list[tuple[str, int]]:
        """Every table with the generation that its readers see."""
        found = tx.rows(f"SELECT table_name, generation FROM {self._tables}")
        return [(table, int(generation)) for table, generation in found]

    def publish(self, tx: Tx, table: str, generation: int, at: int) -> None:
        tx.run(f"DELETE FROM {self._tables} WHERE table_name = ?", [table])
        tx.run(f"INSERT INTO {self._tables} VALUES (?, ?, ?)", [table, generation, at])
