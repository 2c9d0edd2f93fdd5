"""What a running job tells its watchers, and the summary it ends with (interfaces.md section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from penstock.core.books import Books


@dataclass
class TypeState:
    """One event type of an object in a job: its table, empty where it has none, and its share of
    the object's books."""

    table: str = ""
    books: Books = field(default_factory=Books)


@dataclass
class ObjectState:
    """One object of a running or finished job.

    `status` is one of pipelines.md 11.3, or UNAVAILABLE when the account does not offer it.
    """

    object: str
    event_type: str
    table: str
    mode: str
    status: str = "NOT_INITIALIZED"
    books: Books = field(default_factory=Books)
    event_types: dict[str, TypeState] = field(default_factory=dict)
    """What was delivered so far, by event type; `event_type` and `table` are of one of them."""
    rows_read: int = 0
    rows_staged: int = 0
    bytes_read: int = 0
    calls: int = 0
    expected: int | None = None
    """Rows that the source says there are."""
    checkpoint: Mapping[str, Any] = field(default_factory=dict)
    started_at: int | None = None
    ended_at: int | None = None
    read_whole: bool = False
    """This job has read it to its end."""
    truncated: int = 0
    """How often the source emptied the table at once."""
    error: Mapping[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Progress:
    """A snapshot of the whole job, about once a second."""

    pipeline: str
    job: str
    seconds: float
    objects: tuple[ObjectState, ...]
    calls: int = 0
    rate_limited: int = 0
    retries: int = 0
    bytes_read: int = 0


class Watcher(Protocol):
    """Somebody who looks on: a terminal, a log, a test."""

    def progress(self, snapshot: Progress) -> None: ...

    def message(self, level: str, text: str) -> None:
        """`level` is info or warning."""


@dataclass(frozen=True)
class Summary:
    """What one job did; `to_dict` is the last line of `penstock run --json`."""

    pipeline: str
    job: str
    status: str
    started_at: int
    ended_at: int
    totals: Books
    objects: tuple[ObjectState, ...]
    source: Mapping[str, int]
    error: Mapping[str, Any] | None = None
    exit_code: int = 0
    warnings: tuple[str, ...] = ()
    waiting: int = 0
    """Rows that were read and staged, and that the next job delivers first."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "type": "summary",
            "pipeline": self.pipeline,
            "job": self.job,
            "status": self.status,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "seconds": round((self.ended_at - self.started_at) / 1000, 3),
            **_counts(self.totals),
            "source": dict(self.source),
            "waiting": self.waiting,
            "warnings": list(self.warnings),
            "error": self.error,
            "objects": [_object(item) for item in self.objects],
        }


def _counts(books: Books) -> dict[str, int]:
    return books.to_dict()


def _object(item: ObjectState) -> dict[str, Any]:
    seconds = None
    if item.started_at is not None and item.ended_at is not None:
        seconds = round((item.ended_at - item.started_at) / 1000, 3)
    return {
        "object": item.object,
        "event_type": item.event_type,
        "table": item.table,
        "mode": item.mode,
        "status": item.status,
        **_counts(item.books),
        "event_types": [
            {"event_type": name, "table": of.table, **_counts(of.books)}
            for name, of in item.event_types.items()
        ],
        "checkpoint": dict(item.checkpoint),
        "seconds": seconds,
        "error": item.error,
        "warnings": list(item.warnings),
    }
