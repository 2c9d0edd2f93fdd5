"""Workspaces that read tables of a database, run inside of the test's process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

import penstock
from penstock.core.registry import Registry
from penstock.sdk.opening import open_source
from penstock.sdk.source import ReadContext, Source

PIPELINE = "copy"


@dataclass
class Tables:
    """One pipeline from a database into a DuckDB file, or where `destination` says.

    Args:
        source: type and settings.
        pipeline: what differs from the defaults.
    """

    root: Path
    source: Mapping[str, Any]
    pipeline: dict[str, Any] = field(default_factory=dict)
    destination: Mapping[str, Any] | None = None

    def run(self, **options: Any) -> Any:
        """One job; its summary. A job that fails fails the test."""
        summary = self.tried(**options)
        assert summary.status == "COMPLETED", summary.to_dict()
        return summary

    def tried(self, **options: Any) -> Any:
        self.write()
        return penstock.open(self.root).run(PIPELINE, **options)

    def read(self, **options: Any) -> dict[str, int]:
        """One job; rows read by object."""
        return {item.object: item.books.read for item in self.run(**options).objects}

    @contextmanager
    def opened(self) -> Iterator[Source]:
        """The source alone."""
        settings = {name: value for name, value in self.source.items() if name != "type"}
        card = Registry.scan().card("source", self.source["type"])
        with closing(open_source(card, settings)) as source:
            yield source

    def write(self) -> None:
        file = self.destination or {"type": "duckdb", "path": "out.duckdb"}
        spec = {
            "version": 1,
            "sources": {"shop": dict(self.source)},
            "destinations": {"warehouse": dict(file)},
            "pipelines": {
                PIPELINE: {"source": "shop", "destination": "warehouse", "schedule": "manual",
                           **self.pipeline}
            },
        }  # fmt: skip
        # JSON is YAML, and needs no writer.
        (self.root / "penstock.yaml").write_text(json.dumps(spec), encoding="utf-8")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows that are in the DuckDB file now."""
        with duckdb.connect(str(self.root / "out.duckdb"), read_only=True) as connection:
            found: list[tuple[Any, ...]] = connection.execute(query).fetchall()
            return found

    def by_keys(self, name: str, column: str) -> tuple[list[Any], list[Any]]:
        """A column of every second row of an object; and of the rows found by those keys."""
        with self.opened() as source:
            (stream,) = (item for item in source.discover() if item.name.endswith(name))
            context = ReadContext(batch_rows=200)
            some = [b.rows for b in source.current(stream, context) if b.rows is not None]
            rows = pa.Table.from_batches(some).combine_chunks()
            rows = rows.take(pa.array(range(0, rows.num_rows, 2)))
            keys = rows.select(list(stream.primary_key)).combine_chunks().to_batches()[0]
            batches = source.rows_of(stream, keys, context) or ()
            found = [b.rows.column(column).to_pylist() for b in batches if b.rows is not None]
        return sorted(rows.column(column).to_pylist()), sorted(chain.from_iterable(found))
