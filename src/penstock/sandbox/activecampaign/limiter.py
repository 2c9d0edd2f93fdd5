"""The account's rate limit: so many requests in any second, counted as they arrive."""

from collections import deque

_WINDOW_S = 1.0 - 1e-6  # a microsecond less, for rounding


class Limiter:
    """A strict sliding window; refused requests do not count."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._taken: deque[float] = deque()

    def admit(self, now_s: float) -> bool:
        """Whether a request arriving at `now_s` (monotonic) is within the limit."""
        self._forget(now_s)
        if self.limit is None:
            return True
        if len(self._taken) >= self.limit:
            return False
        self._taken.append(now_s)
        return True

    def headers(self) -> tuple[tuple[str, str], ...]:
        if self.limit is None:
            return ()
        left = max(self.limit - len(self._taken), 0)
        return ("RateLimit-Limit", str(self.limit)), ("RateLimit-Remaining", str(left))

    def _forget(self, now_s: float) -> None:
        while self._taken and now_s - self._taken[0] >= _WINDOW_S:
            self._taken.popleft()
