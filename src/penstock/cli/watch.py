"""Those who look on while a job runs: a program, a log, nobody; `live.py` has the terminal."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from penstock.cli.meter import Meter, Reading, is_running
from penstock.cli.output import Output
from penstock.core.errors import TransientError

if TYPE_CHECKING:
    from penstock.cli.context import Cli
    from penstock.core.progress import Progress

EVERY_S = 10.0
_STOPPING = "Stopping after what is in hand; press Ctrl-C again to end at once."


class Watch(Protocol):
    """A watcher of the worker's, which is also told when it is over."""

    def progress(self, snapshot: Progress) -> None: ...

    def message(self, level: str, text: str) -> None: ...

    def stopping(self) -> None:
        """The user asked to stop. Called from a signal handler."""

    def close(self) -> None:
        """No more will come; called once or more."""


def watcher_for(cli: Cli) -> Watch:
    if cli.out.json:
        return JsonWatch(cli.out)
    if cli.out.quiet:
        return PlainWatch(cli.out, every_s=float("inf"))
    if sys.stderr.isatty():
        from penstock.cli.live import LiveWatch

        return LiveWatch()
    return PlainWatch(cli.out)


@dataclass
class PlainWatch:
    """One line every ten seconds, for logs."""

    out: Output
    every_s: float = EVERY_S
    _meter: Meter = field(default_factory=Meter)
    _next_s: float = -1.0

    def progress(self, snapshot: Progress) -> None:
        reading = self._meter.read(snapshot)
        if self._next_s < 0:
            self._next_s = self.every_s
        if snapshot.objects and snapshot.seconds >= self._next_s:
            self._next_s = snapshot.seconds + self.every_s
            self.out.note(plain_line(reading))

    def message(self, level: str, text: str) -> None:
        if level == "warning":
            self.out.warn(text)
        elif self.out.verbose:
            self.out.note(text)

    def stopping(self) -> None:
        self.out.note(_STOPPING)

    def close(self) -> None:
        """Nothing is open."""


def plain_line(reading: Reading) -> str:
    """Totals, and what is being read."""
    names = [
        f"{line.object} {line.share:.0%}" if line.share is not None else line.object
        for line in reading.lines[:4]
    ]
    more = len(reading.lines) - len(names)
    reading_now = ", ".join(names) + (f" and {more} more" if more > 0 else "")
    return reading.totals() + (f"; reading {reading_now}" if reading_now else "")


@dataclass
class JsonWatch:
    """Progress as JSON lines on stdout, about one per second."""

    out: Output
    _meter: Meter = field(default_factory=Meter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def progress(self, snapshot: Progress) -> None:
        self._print(progress_record(snapshot, self._meter.read(snapshot)))

    def message(self, level: str, text: str) -> None:
        if level == "warning" or self.out.verbose:
            self._print({"type": "message", "level": level, "message": text})

    def _print(self, record: dict[str, Any]) -> None:
        # Nobody has to read on for the job to go on; the summary says what became of stdout.
        with self._lock, suppress(BrokenPipeError, TransientError):
            self.out.record(record)

    def stopping(self) -> None:
        """The summary says that the job was stopped."""

    def close(self) -> None:
        """Nothing is open."""


def progress_record(snapshot: Progress, reading: Reading) -> dict[str, Any]:
    """One progress line: totals, and the objects that are being read."""
    speeds = {line.object: line for line in reading.lines}
    return {
        "type": "progress",
        "pipeline": snapshot.pipeline,
        "job": snapshot.job,
        "seconds": round(snapshot.seconds, 1),
        "read": reading.rows,
        "failed": reading.failed,
        "bytes_read": reading.bytes_read,
        "rows_per_second": round(reading.speed),
        "source": {
            "calls": snapshot.calls,
            "rate_limited": snapshot.rate_limited,
            "retries": snapshot.retries,
        },
        "objects_done": reading.ended,
        "objects_total": reading.objects,
        "running": [
            {
                "object": item.object,
                "read": item.rows_read,
                "expected": item.expected,
                "bytes_read": item.bytes_read,
                "calls": item.calls,
                "rows_per_second": round(speeds[item.object].speed),
            }
            for item in snapshot.objects
            if is_running(item)
        ],
    }
