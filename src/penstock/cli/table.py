"""Aligned tables in plain text that fit the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GAP = "  "
_LEAST = 12
"""A text column is cut down to this width before the table is left too wide."""


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: heading, and the key in the rows.
        show: value to text.
        right: numbers stand to the right.
        drop: columns with the highest number go first when the table is too wide; 0 stays.
        cut: the text may be shortened when nothing is left to drop.
        blank: what stands for no value.
    """

    name: str
    show: Callable[[Any], str] = str
    right: bool = False
    drop: int = 0
    cut: bool = False
    key: str | None = None
    blank: str = "-"

    def text(self, row: Mapping[str, Any]) -> str:
        value = row.get(self.key or self.name)
        return self.blank if value is None or value == "" else self.show(value)


def render(
    columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], width: int | None
) -> list[str]:
    """Heading and rows as lines, at most `width` wide where columns may be dropped or cut."""
    kept = list(columns)
    cells = {c.name: [printable(c.text(row)) for row in rows] for c in kept}
    widths = {c.name: max([len(c.name), *(cell_width(t) for t in cells[c.name])]) for c in kept}
    while width and _total(kept, widths) > width:
        loose = [c for c in kept if c.drop]
        if loose:
            kept.remove(max(loose, key=lambda c: c.drop))
        elif not _narrow(kept, widths, _total(kept, widths) - width):
            break
    lines = [[_fit(c.name, widths[c.name], c.right) for c in kept]]
    lines += [
        [_fit(cells[c.name][n], widths[c.name], c.right) for c in kept] for n in range(len(rows))
    ]
    return [GAP.join(line).rstrip() for line in lines]


def _total(columns: Sequence[Column], widths: Mapping[str, int]) -> int:
    return sum(widths[c.name] for c in columns) + len(GAP) * (len(columns) - 1)


def _narrow(columns: Sequence[Column], widths: dict[str, int], over: int) -> bool:
    """Take `over` characters from the widest column that may be cut; False when none can give."""
    able = [c for c in columns if c.cut and widths[c.name] > _LEAST]
    if not able:
        return False
    widest = max(able, key=lambda c: widths[c.name])
    widths[widest.name] = max(_LEAST, widths[widest.name] - over)
    return True


def _fit(text: str, width: int, right: bool) -> str:
    if cell_width(text) > width:
        while cell_width(text) > width - 1:
            text = text[:-1]
        text += "…"
    padding = " " * (width - cell_width(text))
    return padding + text if right else text + padding


def cell_width(text: str) -> int:
    """Columns of a terminal that the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def printable(text: str) -> str:
    """One line without control characters: data must not move the cursor."""
    return "".join(c if c.isprintable() else " " for c in text)
