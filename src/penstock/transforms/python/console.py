"""What a script prints, bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

MAX_LINE: Final = 1000
"""Characters kept of a line."""
LINES_PER_MINUTE: Final = 20
"""Lines kept of a job (transformations.md 3.6); a test keeps 200 of each batch."""
MINUTE_SECONDS: Final = 60.0


class Console:
    """Lines printed since they were last taken; past the limit they are dropped."""

    def __init__(self, lines: int) -> None:
        self._limit = lines
        self._lines: list[str] = []
        self._open = ""

    def show(self, text: str) -> None:
        """Take more text; only whole lines are kept."""
        if len(self._lines) >= self._limit:
            return
        *whole, rest = (self._open + text[: MAX_LINE * self._limit]).split("\n")
        room = self._limit - len(self._lines)
        self._lines += [line[:MAX_LINE] for line in whole[:room]]
        self._open = rest[:MAX_LINE]

    def taken(self) -> list[str]:
        """The lines so far; the limit begins anew."""
        lines = [*self._lines, self._open] if self._open else self._lines
        self._lines, self._open = [], ""
        return [line.encode(errors="replace").decode() for line in lines]


class PerMinute:
    """Passes on so many lines a minute; the rest is dropped, as jobs print for ever.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, show: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._show = show
        self._clock = clock
        self._since = clock()
        self._shown = 0

    def __call__(self, line: str) -> None:
        """One line."""
        now = self._clock()
        if now - self._since >= MINUTE_SECONDS:
            self._since, self._shown = now, 0
        if self._shown < LINES_PER_MINUTE:
            self._shown += 1
            self._show(line)
