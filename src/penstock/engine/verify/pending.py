"""Changes that a log holds and no job has loaded: rows of which say nothing about the copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from penstock.core.batch import Batch


@dataclass
class Still:
    """The pipeline stands still, or has come as far as the source was at the first look.

    Args:
        changes: batches of the object from where the last job stopped to the log's end; none
            where a job that goes on has loaded them.
        doubt: why rows that changed lately cannot be told from others.
    """

    changes: Iterator[Batch] = field(default_factory=lambda: iter(()))
    doubt: str = ""


class Pending(Protocol):
    """The log of one object, for the second look at keys that differ."""

    def still(self) -> AbstractContextManager[Still]:
        """Waits for a job that runs, or keeps one from beginning while it is open."""
