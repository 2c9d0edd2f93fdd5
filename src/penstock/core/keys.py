"""Ranges of keys, by which both ends of a pipeline can be asked for the same few rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class KeyRange:
    """Values of a key's first column, both ends among them; None leaves an end open.

    Only whole numbers have ranges of more than one value: engines order them alike.
    """

    first: Any = None
    last: Any = None

    def __str__(self) -> str:
        if self.first == self.last and self.first is not None:
            return str(self.first)
        low = "" if self.first is None else self.first
        high = "" if self.last is None else self.last
        return f"{low}..{high}"
