"""When a failed call is tried again, and when we give up."""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.core.errors import PenstockError
from penstock.sdk.http.meaning import Confirm
from penstock.sdk.http.settings import Retry


@dataclass(frozen=True)
class Setback:
    """A try that brought no usable answer.

    Args:
        error: what to raise when there is no further try.
        again: whether another try may help.
        paused: the account pauses already, so the call itself need not wait.
        counted: whether it uses up one of the tries.
        confirm: how to make sure before the error is believed.
        away: no whole answer came, so the server as a whole may be away.
    """

    error: PenstockError
    again: bool = False
    paused: bool = False
    counted: bool = True
    confirm: Confirm | None = None
    away: bool = False


# Not stamina: its wait is a number fixed when the call fails and slept blindly, while ours is a
# pause that belongs to the account, may grow while we wait, and must end when the job is
# cancelled; two kinds of failure count differently; and it logs the arguments of the call.
@dataclass
class Patience:
    """The tries of one call."""

    settings: Retry
    failures: int = field(default=0, init=False)
    began: float | None = field(default=None, init=False)

    def next_wait_s(self, setback: Setback, now: float, jitter: float) -> float | None:
        """Seconds until the next try, or None when it is time to give up.

        Args:
            jitter: 0 to 1; waits are between half and the whole of 1, 2, 4, ... seconds.
        """
        self.began = now if self.began is None else self.began
        self.failures += setback.counted
        tries = setback.confirm.tries if setback.confirm else self.settings.tries
        if not setback.again or self.failures >= tries:
            return None
        wait_s = 0.0 if setback.paused else self._backoff_s(jitter)
        return wait_s if now + wait_s - self.began <= self.settings.give_up_after_s else None

    def _backoff_s(self, jitter: float) -> float:
        grown = self.settings.first_wait_s * 2.0 ** min(self.failures - 1, 16)
        return min(grown, self.settings.longest_wait_s) * (0.5 + 0.5 * jitter)
