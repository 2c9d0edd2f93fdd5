"""What was asked of the sandbox, and what happens after so many requests."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_KEPT_CALLS = 500_000


@dataclass(frozen=True)
class Call:
    """One answered request below `/api/3`.

    Args:
        time: arrival, monotonic seconds.
        path: relative to the base, e.g. `/contacts`.
        query: as sent, still percent-encoded.
        status: of the answer, also when the answer did not arrive whole.
        fault: kind of the fault that struck it, if any.
        bytes: length of the body.
    """

    time: float
    path: str
    query: str
    status: int
    fault: str | None
    bytes: int


@dataclass
class Record:
    """All calls so far, newest last; only the last half million are kept one by one."""

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=_KEPT_CALLS))
    requests: int = 0
    bytes_sent: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    by_path: Counter[str] = field(default_factory=Counter)
    rate_limited: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    _hooks: list[tuple[str, int, Callable[[], object]]] = field(default_factory=list)

    def after(self, path: str, requests: int, action: Callable[[], object]) -> None:
        """Run `action` once so many requests to `path`, counted from now, were answered."""
        self._hooks.append((path, self.by_path[path] + requests, action))

    def add(self, call: Call) -> None:
        self.calls.append(call)
        self.requests += 1
        self.bytes_sent += call.bytes
        self.by_status[call.status] += 1
        self.by_path[call.path] += 1
        self._run_due(call.path)

    def _run_due(self, path: str) -> None:
        due = [hook for hook in self._hooks if hook[0] == path and self.by_path[path] >= hook[1]]
        for hook in due:
            self._hooks.remove(hook)
            hook[2]()

    def stats(self) -> dict[str, Any]:
        """Counts, ready for JSON."""
        return {
            "requests": self.requests,
            "rate_limited": self.rate_limited,
            "bytes_sent": self.bytes_sent,
            "most_in_flight": self.most_in_flight,
            "by_status": {str(status): count for status, count in sorted(self.by_status.items())},
            "by_path": dict(sorted(self.by_path.items())),
        }
