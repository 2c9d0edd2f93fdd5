"""How the API writes and reads instants, in the account's time zone."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ZERO_DATE = "0000-00-00"
ZERO_TIME = "0000-00-00 00:00:00"


class Clock:
    """The account's clock; instants are whole seconds since 1970."""

    def __init__(self, zone: str, now: Callable[[], float] = time.time) -> None:
        self.zone = ZoneInfo(zone)
        self._now = now
        self.ahead_s = 0.0

    def now(self) -> int:
        return int(self._now() + self.ahead_s)

    def offset(self, at: int) -> str:
        """With offset, e.g. 2025-07-14T18:22:05-05:00."""
        return datetime.fromtimestamp(at, self.zone).isoformat()

    def naive(self, at: int) -> str:
        """Local wall clock without offset, e.g. 2025-07-14 18:22:05."""
        return datetime.fromtimestamp(at, self.zone).isoformat(" ")[:19]

    def slipped(self, at: int) -> str:
        """UTC wall clock with the local offset glued on, as seen live on pipelines and stages."""
        local = datetime.fromtimestamp(at, self.zone)
        return datetime.fromtimestamp(at, UTC).replace(tzinfo=local.tzinfo).isoformat()

    def day(self, at: int) -> str:
        return datetime.fromtimestamp(at, self.zone).date().isoformat()

    def instant(self, text: str) -> int:
        """Seconds of a time in any of the API's formats; without offset it is local.

        Raises:
            ValueError: the text is no date.
        """
        at = datetime.fromisoformat(text.strip())
        return int((at if at.tzinfo else at.replace(tzinfo=self.zone)).timestamp())

    def day_bounds(self, day: str) -> tuple[int, int]:
        """Local midnight at both ends of a day, in seconds; 23 or 25 hours apart at DST.

        Raises:
            ValueError: the text is no date.
        """
        first = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=self.zone)
        after = first + timedelta(days=1)
        return int(first.timestamp()), int(after.timestamp())
