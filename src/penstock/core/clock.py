"""Time and ids as arguments, so that rules and tests need no patching."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

NowMs = Callable[[], int]


def now_ms() -> int:
    """Epoch milliseconds, UTC."""
    return time.time_ns() // 1_000_000


@dataclass
class Forward:
    """A clock that never goes back: the later of the wall clock and all it has said before.

    `_ps_ingested_at` orders versions of a row, so it must not decrease inside a pipeline
    even when the machine's clock is set back (pipelines.md 4.3).
    """

    floor: int = 0
    now: NowMs = now_ms
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> int:
        with self._lock:
            self.floor = max(self.floor, self.now())
            return self.floor

    def parting(self) -> int:
        """An instant after which the clock only says later ones."""
        with self._lock:
            at = max(self.floor, self.now())
            self.floor = at + 1
            return at


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(at_ms: int | None = None) -> str:
    """26 characters that sort by time: 48 bits of milliseconds, 80 random bits (ULID)."""
    value = ((at_ms if at_ms is not None else now_ms()) << 80) | int.from_bytes(
        os.urandom(10), "big"
    )
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -5, -5))
