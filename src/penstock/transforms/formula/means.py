"""What formulas need from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Means:
    """A clock, in UTC, and new identifiers."""

    now: Callable[[], datetime]
    uuid: Callable[[], UUID]
