"""What a comparison found."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pyarrow as pa

from penstock.core.digest import Part
from penstock.core.keys import KeyRange


class Kind(StrEnum):
    """What is wrong with one key."""

    MISSING = "missing"
    """The source has the row, the table has not."""
    EXTRA = "extra"
    """The table has the row and says nothing of a delete; the source has not."""
    CHANGED = "changed"
    """Both have it, with other values."""
    DOUBLED = "doubled"
    """The table has the key more than once."""


class Status(StrEnum):
    """How the comparison of one object ended."""

    EQUAL = "equal"
    SET_ASIDE = "set aside"
    """All that differs are rows whose failed events are open."""
    DIFFERENT = "different"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True)
class DifferentValue:
    """One column of one key; values as text, None for null."""

    column: str
    source: str | None
    destination: str | None


@dataclass(frozen=True)
class Difference:
    """One key that differs. `failed`: an open failed event of it explains why."""

    key: tuple[Any, ...]
    kind: Kind
    values: tuple[DifferentValue, ...] = ()
    failed: bool = False


@dataclass(frozen=True)
class RangeCount:
    """How many differing keys lie in a range of keys."""

    range: KeyRange
    keys: int


@dataclass
class ObjectResult:
    """One object, compared.

    Args:
        method: how: "hashes" made in both databases, "rows" read from both, "counts".
        source_rows, destination_rows: without rows that are flagged as deleted.
        counts: differing keys by kind, without those that failed events explain.
        failed: differing keys that open failed events explain.
        behind: keys whose source row is newer than what was read; no difference.
        ranges: where the differing keys lie, and where the engines' hashes differed.
        differences: the first of them.
        keys: all differing keys with their kind (column `_kind`), for a repair.
        part: where they all lie.
    """

    object: str
    table: str
    status: Status = Status.EQUAL
    method: str = "rows"
    source_rows: int | None = None
    destination_rows: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    behind: int = 0
    ranges: tuple[RangeCount, ...] = ()
    differences: tuple[Difference, ...] = ()
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    keys: pa.Table | None = None
    part: Part = ()

    @property
    def different(self) -> int:
        return sum(self.counts.values())
