"""A log source driven by hand: what the engine would do, step by step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from penstock.connectors.sources.postgres.config import Config
from penstock.connectors.sources.postgres.log.source import PostgresLogSource
from penstock.connectors.sources.postgres.server import PostgresServer
from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.splits import LOG_SPLIT, history_split
from penstock.core.stream import Split
from penstock.sdk.source import ReadContext

_PATIENCE_S = 60.0


def open_source(url: str, *, pipeline: str = "p", **settings: Any) -> PostgresLogSource:
    config = Config.model_validate({"url": url, "mode": "LOG_BASED", **settings})
    source = PostgresLogSource(PostgresServer(config), config)
    source.belongs_to(pipeline, "catalog")
    return source


@dataclass
class Following:
    """One read of the log; every batch is taken as loaded once its checkpoint is acknowledged."""

    source: PostgresLogSource
    checkpoint: Checkpoint | None = None
    follow: bool = True
    seen: list[tuple[str, str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context = ReadContext(follow=self.follow, batch_seconds=0.2)
        saved = {LOG_SPLIT: self.checkpoint} if self.checkpoint else {}
        streams = self.source.discover()
        if self.checkpoint:
            saved |= {history_split(item.name): self.checkpoint for item in streams}
        splits = self.source.plan(streams, saved)
        self.split: Split = splits[0]
        assert self.split.name == LOG_SPLIT
        self._batches: Iterator[Batch] = self.source.read(self.split, self.checkpoint, self.context)

    def step(self) -> Batch | None:
        """The next batch; None at the end."""
        batch = next(self._batches, None)
        if batch is None:
            return None
        self.warnings += batch.warnings
        if batch.rows is not None:
            ops = batch.rows.column("_ps_op").to_pylist()
            keys = batch.rows.column(0).to_pylist()
            self.seen += [(batch.stream, op, key) for op, key in zip(ops, keys, strict=True)]
        if batch.checkpoint is not None:
            self.checkpoint = batch.checkpoint
        return batch

    def until(self, count: int) -> list[tuple[str, str, Any]]:
        """Read until there are so many changes."""
        end = time.monotonic() + _PATIENCE_S
        while len(self.seen) < count:
            assert time.monotonic() < end, self.seen
            assert self.step() is not None, "the read ended"
        return self.seen

    def to_end(self) -> list[tuple[str, str, Any]]:
        while self.step() is not None:
            continue
        return self.seen

    def acknowledge(self) -> None:
        assert self.checkpoint is not None
        self.source.acknowledge(self.split, self.checkpoint)

    def close(self) -> None:
        self.context.cancel.set()
        self._batches.close()  # type: ignore[attr-defined]
        self.source.close()
