"""What reading has cost so far."""

from __future__ import annotations

import threading
from dataclasses import replace

from penstock.sdk.source import SourceStats


class HttpStats:
    """Counts of one `Http`, added up by all its threads."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._totals = SourceStats()

    def add(
        self, *, calls: int = 0, retries: int = 0, rate_limited: int = 0, bytes_read: int = 0
    ) -> None:
        with self._mutex:
            self._totals.calls += calls
            self._totals.retries += retries
            self._totals.rate_limited += rate_limited
            self._totals.bytes_read += bytes_read

    def totals(self) -> SourceStats:
        """A copy; calls that are under way are in `calls` already."""
        with self._mutex:
            return replace(self._totals)
