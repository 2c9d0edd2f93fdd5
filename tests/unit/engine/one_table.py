"""One stream into one table of a real engine in a file, job after job."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from penstock.connectors.destinations.duckdb.config import Config
from penstock.connectors.destinations.duckdb.destination import DuckDb
from penstock.core.books import Books
from penstock.core.mapping import Mapping
from penstock.core.stream import Stream
from penstock.engine.outside import settle_tables
from penstock.engine.run import run
from penstock.mapper.limits import Limits
from penstock.mapper.proposals import Place, proposed
from unit.engine.doubles import PEOPLE, ListSource, MemoryCatalog, task


class DuckTable:
    """The table `people` and its mapping."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "warehouse.duckdb"
        self.catalog = MemoryCatalog()
        self.warnings: list[str] = []
        self.outside: list[str] = []
        self.now = 0

    def load(
        self,
        *rows: dict[str, Any],
        auto: bool = True,
        stream: Stream = PEOPLE,
        verified: bool = True,
    ) -> Books:
        """One job: a complete read with these rows; its books."""
        self.warnings, self.outside = [], []
        self.now += 1_000
        source = ListSource([[*rows]], stream, verified=verified)
        with closing(DuckDb(Config.model_validate({"path": str(self.file)}))) as destination:
            job = task(self.folder, source, destination, self.catalog, now=self.now)  # type: ignore[arg-type]
            job.warn = lambda _, text: self.warnings.append(text)
            job.auto_mapping = auto
            # What a full read brings is read anew by each job.
            job.checkpoints = {}
            tables = [entry.table for entry in destination.ledger(job.pipeline)]
            self.outside = [found.text for found in settle_tables(job, tables)]
            before = len(self.catalog.commits)
            assert run(job, source.plan(source.discover())).fatal is None
        total = Books()
        for commit in self.catalog.commits[before:]:
            for part in commit.parts:
                total.add(part.books)
        total.check()
        return total

    def sql(self, *statements: str) -> list[Any]:
        with closing(duckdb.connect(str(self.file))) as connection:
            for statement in statements:
                rows: list[Any] = connection.execute(statement).fetchall()
        return rows

    def columns(self, *names: str) -> list[tuple[Any, ...]]:
        listed = ", ".join(names)
        return self.sql(f"select {listed} from people where not _ps_deleted order by id")

    def decide(self, **values: Any) -> None:
        """As the user changes the mapping between two jobs."""
        self.catalog.mappings["people"] = self.mapping.changed(**values)

    def map(self, columns: pa.Schema | None = None) -> None:
        self.catalog.mappings["people"] = proposed(
            self.mapping, Place("people", columns, ("id",)), Limits()
        )

    @property
    def mapping(self) -> Mapping:
        return self.catalog.mappings["people"]

    @property
    def left(self) -> dict[str, str]:
        return {item.field: item.reason for item in self.mapping.left}

    def failures(self) -> Iterable[tuple[str, str | None]]:
        """Of the last job: code and key."""
        return [(event.code, event.key) for event in self.catalog.commits[-1].failed]
