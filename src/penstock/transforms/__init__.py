"""Blocks: steps that change rows on their way; the contract, and the list of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from penstock.core.batch import FailedEvent


@dataclass(frozen=True)
class Shaped:
    """What a block made of rows: the rows that go on, and what became of the others."""

    rows: pa.RecordBatch
    failed: tuple[FailedEvent, ...] = ()
    filtered: int = 0
    created: int = 0


class Block(Protocol):
    """One step. `shape` runs before any row is read, `apply` for every batch; both are pure."""

    def shape(self, incoming: pa.Schema) -> pa.Schema: ...

    def apply(self, rows: pa.RecordBatch) -> Shaped: ...
