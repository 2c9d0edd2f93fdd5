"""What formulas need from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID


@dataclass(frozen=True)
class Means:
    """A clock, in UTC, and new identifiers."""

    now: Callable[[], datetime]
    uuid: Callable[[], UUID]


NO_MEANS: Final = Means(lambda: datetime.fromtimestamp(0, UTC), lambda: UUID(int=0))
"""A clock that stands and identifiers of zeros: enough to learn types."""
