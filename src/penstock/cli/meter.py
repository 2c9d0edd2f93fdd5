"""Speeds, shares and time left, worked out from the snapshots of a running job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.cli.words import duration, plural, size

if TYPE_CHECKING:
    from penstock.core.progress import ObjectState, Progress

_NEWEST = 0.3
"""Weight of the newest second in a speed; older ones fade."""
_ENDED = frozenset({"COMPLETED", "COMPLETED_WITH_FAILURES", "UNAVAILABLE", "SKIPPED"})


@dataclass(frozen=True)
class Line:
    """One object as it runs; `share` (0 to 1) and `left_s` where the total is known."""

    object: str
    rows: int
    speed: float
    bytes_read: int
    calls: int
    share: float | None
    left_s: float | None


@dataclass(frozen=True)
class Reading:
    """The job at one moment."""

    lines: tuple[Line, ...]
    rows: int
    speed: float
    bytes_read: int
    calls: int
    rate_limited: int
    ended: int
    objects: int
    failed: int
    seconds: float

    def totals(self) -> str:
        """All of it in one line."""
        parts = [
            f"{self.ended} of {plural(self.objects, 'object')} done",
            f"{plural(self.rows, 'row')} ({self.speed:,.0f}/s)",
            size(self.bytes_read),
            plural(self.calls, "call"),
            duration(self.seconds),
        ]
        if self.failed:
            parts.insert(2, f"{self.failed:,} failed")
        if self.rate_limited:
            parts.append(f"asked to slow down {plural(self.rate_limited, 'time')}")
        return ", ".join(parts)


@dataclass
class Meter:
    """Keeps what is needed from one snapshot to the next."""

    _seen: dict[str, tuple[float, int, float]] = field(default_factory=dict)

    def read(self, snapshot: Progress) -> Reading:
        rows = sum(item.rows_read for item in snapshot.objects)
        running = [item for item in snapshot.objects if is_running(item)]
        return Reading(
            lines=tuple(self._line(item, snapshot.seconds) for item in running),
            rows=rows,
            speed=self._speed("", snapshot.seconds, rows),
            bytes_read=snapshot.bytes_read or sum(o.bytes_read for o in snapshot.objects),
            calls=snapshot.calls,
            rate_limited=snapshot.rate_limited,
            ended=sum(has_ended(item) for item in snapshot.objects),
            objects=len(snapshot.objects),
            failed=sum(item.books.failed for item in snapshot.objects),
            seconds=snapshot.seconds,
        )

    def _line(self, item: ObjectState, seconds: float) -> Line:
        speed = self._speed(item.object, seconds, item.rows_read)
        share = min(1.0, item.rows_read / item.expected) if item.expected else None
        left = None
        if item.expected and speed > 0:
            left = max(0, item.expected - item.rows_read) / speed
        return Line(item.object, item.rows_read, speed, item.bytes_read, item.calls, share, left)

    def _speed(self, name: str, seconds: float, rows: int) -> float:
        """Rows per second, smoothed; the first reading counts from the start of the job."""
        at, before, speed = self._seen.get(name, (0.0, 0, 0.0))
        if seconds - at < 0.1:
            return speed
        now = (rows - before) / (seconds - at)
        speed = now if name not in self._seen else speed + _NEWEST * (now - speed)
        self._seen[name] = (seconds, rows, speed)
        return speed


def is_running(item: ObjectState) -> bool:
    return item.started_at is not None and not has_ended(item)


def has_ended(item: ObjectState) -> bool:
    """Read to its end, or given up; the status is settled at the end of the job."""
    return item.ended_at is not None or item.status in _ENDED
