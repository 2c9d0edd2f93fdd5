"""Progress on a terminal: a line per running object that moves, and a line of totals."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from penstock.cli.meter import Line, Meter, Reading
from penstock.cli.words import duration, number, plural, size

if TYPE_CHECKING:
    from penstock.core.progress import Progress

_MOST_LINES = 12
_BAR = 16


class LiveWatch:
    """Redraws when a snapshot comes; messages scroll away above the lines."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._meter = Meter()
        self._lock = threading.RLock()
        self._open = False
        self._note = ""

    def progress(self, snapshot: Progress) -> None:
        if not snapshot.objects:
            return
        with self._lock:
            if not self._open:
                self._live.start()
                self._open = True
            self._live.update(draw(self._meter.read(snapshot), self._note), refresh=True)

    def message(self, level: str, text: str) -> None:
        style = "yellow" if level == "warning" else "dim"
        with self._lock:
            self._console.print(Text(f"{level}: {text}", style=style), soft_wrap=True)

    def stopping(self) -> None:
        self._note = "Stopping after what is in hand; Ctrl-C again ends at once."

    def close(self) -> None:
        with self._lock:
            if self._open:
                self._live.stop()
                self._open = False


def draw(reading: Reading, note: str = "") -> Group:
    """What is on the screen at one moment."""
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "left", "right", "right", "right", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    for line in reading.lines[:_MOST_LINES]:
        table.add_row(*_cells(line))
    hidden = len(reading.lines) - _MOST_LINES
    parts = [table] if reading.lines else []
    texts = [f"and {hidden} more objects"] if hidden > 0 else []
    texts += [reading.totals(), *([note] if note else [])]
    return Group(*parts, *(Text(text, style="bold", no_wrap=True) for text in texts))


def _cells(line: Line) -> tuple[str, ...]:
    share = "" if line.share is None else f"{bar(line.share)} {line.share:4.0%}"
    left = "" if line.left_s is None else f"{duration(line.left_s)} left"
    return (
        line.object,
        share,
        f"{number(line.rows)} rows",
        f"{line.speed:,.0f}/s",
        size(line.bytes_read),
        plural(line.calls, "call"),
        left,
    )


def bar(share: float) -> str:
    """
    >>> bar(0.5)
    '━━━━━━━━────────'
    """
    full = round(share * _BAR)
    return "━" * full + "─" * (_BAR - full)
