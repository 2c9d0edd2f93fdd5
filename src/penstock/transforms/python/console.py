"""What a script prints, bounded."""

from __future__ import annotations

from typing import Final

MAX_LINE: Final = 1000
"""Characters kept of a line."""


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
