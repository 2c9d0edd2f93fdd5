"""Reads of the ActiveCampaign source against the sandbox, gathered for comparing."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from penstock.core.batch import Batch, Hint
from penstock.core.checkpoint import Checkpoint
from penstock.core.registry import Registry
from penstock.core.stream import Split
from penstock.sandbox.activecampaign import Sandbox
from penstock.sdk.opening import check_settings
from penstock.sdk.source import ReadContext, Source

QUICK = {"tries": 6, "first_wait_s": 0.01, "longest_wait_s": 0.05}


@contextmanager
def opened(box: Sandbox, **settings: Any) -> Iterator[Source]:
    """The source on a sandbox, with waits between tries that suit a test."""
    from penstock.connectors.sources.activecampaign.source import open as open_connector

    card = Registry.scan().card("source", "activecampaign")
    rest = {**(card.rest or {}), "http": {"retry": QUICK}}
    card = card.model_copy(update={"rest": rest})
    given = {"api_url": box.url, "api_key": box.token, "rate_limit": None} | settings
    with tempfile.TemporaryDirectory() as limits, patch.dict(os.environ, XDG_RUNTIME_DIR=limits):
        source = open_connector(card, check_settings(card, given))
        try:
            yield source
        finally:
            source.close()


@dataclass
class Got:
    """What one read brought."""

    batches: list[Batch] = field(default_factory=list)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for batch in self.loaded for row in batch.rows.to_pylist()]

    @property
    def loaded(self) -> list[Batch]:
        """Batches with rows to load: the keys of a sweep are none."""
        return [b for b in self.batches if b.rows is not None and not _sweeps(b)]

    @property
    def ids(self) -> list[int]:
        return [row["id"] for row in self.rows]

    @property
    def hints(self) -> dict[Hint, list[int]]:
        """Ids by hint."""
        found: dict[Hint, list[int]] = {}
        for batch in self.loaded:
            marks = batch.hints.to_pylist() if batch.hints else [0] * batch.num_rows
            for row_id, mark in zip(batch.rows.column("id").to_pylist(), marks, strict=True):
                found.setdefault(Hint(mark), []).append(row_id)
        return found

    @property
    def fresh(self) -> list[int]:
        """Ids of the rows that are not marked as read before."""
        return [row_id for hint, ids in self.hints.items() if hint != Hint.SEEN for row_id in ids]

    @property
    def warnings(self) -> list[str]:
        return [text for batch in self.batches for text in batch.warnings]

    @property
    def checkpoint(self) -> Checkpoint:
        found = [b.checkpoint for b in self.batches if b.checkpoint]
        return found[-1]

    @property
    def verified(self) -> bool | None:
        """Of the last pass; None when there was none or it did not end."""
        ended = [b.full_pass for b in self.batches if b.full_pass and b.full_pass.ended]
        return ended[-1].verified if ended else None

    @property
    def pass_keys(self) -> set[int]:
        """Keys of the last pass: what the engine takes for still there."""
        last = [b.full_pass for b in self.batches if b.full_pass][-1]
        return {
            key
            for b in self.batches
            if b.rows is not None and b.full_pass and b.full_pass.id == last.id
            for key in b.rows.column("id").to_pylist()
        }


def _sweeps(batch: Batch) -> bool:
    return batch.full_pass is not None and batch.full_pass.keys_only


def read(
    source: Source,
    table: str,
    checkpoint: Checkpoint | None = None,
    *,
    stop_after: int | None = None,
    **context: Any,
) -> Got:
    """Read a table from a checkpoint on, as it comes back from storage."""
    saved = Checkpoint.from_json(checkpoint.to_json()) if checkpoint else None
    got = Got()
    reading = source.read(split_of(table), saved, ReadContext(**context))
    for batch in reading:
        got.batches.append(batch)
        if stop_after is not None and len(got.batches) >= stop_after:
            break
    reading.close()
    return got


def split_of(table: str) -> Split:
    return Split(table, (table,))


def ids(box: Sandbox, table: str) -> list[int]:
    return [int(row["id"]) for row in box.rows(table)]


def same_rows(found: Iterable[int], wanted: Iterable[int]) -> bool:
    return Counter(found) == Counter(wanted)


def calls(box: Sandbox, path: str) -> int:
    return sum(call.path == path for call in box.calls)
