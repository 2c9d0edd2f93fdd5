"""Loads that are tried and taken back, where every change of a table commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Trial:
    """What a trial has done so far.

    Args:
        tables: made for it, to be dropped at its end.
        wrote: rows lie in the open transaction: no table may be changed any more.
    """

    tables: list[str] = field(default_factory=list)
    wrote: bool = False


class Late(Exception):
    """Ends a trial whose tables have to be changed first."""

    def __init__(self, statements: Sequence[str]) -> None:
        super().__init__(*statements)
        self.statements = statements
