"""When and what the open package of a split tells its journal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from penstock.core.checkpoint import Checkpoint
from penstock.core.failpoints import hit
from penstock.core.stream import Split
from penstock.engine.journal import Journal
from penstock.engine.task import Task

_SHARE: Final = 0.02
"""Rows of this part of all that a job read may be in no seal."""


class Seals:
    """The journal of one split's open package.

    A log is not sealed: its rows wait in the log of the source, its packages close by time, and
    they hold a few rows of each of many tables. Neither are a part of a time and a replay, which
    move no position.

    Args:
        enabled: False for a log.
    """

    def __init__(self, task: Task, split: Split, *, enabled: bool) -> None:
        self.enabled = enabled and not (task.bounds or task.replaying)
        self._task = task
        self._split = split
        self._after = place(task.checkpoints.get(split.name) or split.start)
        self._journal: Journal | None = None
        self._rows = 0
        self._unsealed = 0

    @property
    def records(self) -> int:
        return self._journal.records if self._journal is not None else 0

    @property
    def is_due(self) -> bool:
        """In proportion to what was read: then a kill costs a share of it, whenever it comes."""
        return self._journal is not None and self._unsealed >= _SHARE * self._rows

    def opened(self, building: Path) -> None:
        if self.enabled:
            self._journal = Journal(building)

    def read(self, rows: int) -> None:
        self._rows += rows
        self._unsealed += rows

    def add(
        self,
        package_no: int,
        checkpoint: Checkpoint,
        ingested_at: int,
        parts: Sequence[tuple[dict[str, Any], list[Any]]],
    ) -> None:
        """Write one record: states of parts, each with the blobs it speaks of by number."""
        assert self._journal is not None
        blobs = [blob for _, own in parts for blob in own]
        state = {
            "pipeline": self._task.pipeline,
            "split": self._split.name,
            "package_no": package_no,
            "job": self._task.job,
            "fence": self._task.fence,
            "after": self._after,
            "checkpoint": checkpoint.to_json(),
            "ingested_at": ingested_at,
            "parts": [state for state, _ in parts],
            "blobs_of": [len(own) for _, own in parts],
        }
        hit("seal.before")
        self._journal.add(state, blobs)
        self._unsealed = 0
        hit("seal.after")

    def closed(self, checkpoint: Checkpoint | None = None) -> None:
        """The package is closed, or given up; the next one goes on after this checkpoint."""
        if self._journal is not None:
            self._journal.close()
        self._journal, self._unsealed = None, 0
        if checkpoint is not None:
            self._after = place(checkpoint)


def place(checkpoint: Checkpoint | None) -> str | None:
    """Where reading goes on, as text that is the same for the same place."""
    if checkpoint is None:
        return None
    parts = {"position": dict(checkpoint.position), "passes": dict(checkpoint.passes)}
    return json.dumps(parts, sort_keys=True, separators=(",", ":"))
