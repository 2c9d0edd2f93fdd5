"""Changed-since filters, and what a row's change time says about the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from penstock.core.batch import Hint
from penstock.core.errors import InternalError
from penstock.sdk.rest.page import Rows
from penstock.sdk.rest.spec import CursorSpec
from penstock.sdk.rest.times import aware, instant, within, written

Params = Mapping[str, str]

# Accounts may be up to 14 hours ahead of UTC, where it is tomorrow already.
_FUTURE_DAYS = 2


@dataclass(frozen=True)
class Changes:
    """Writes a stream's changed-since parameters."""

    spec: CursorSpec

    def since(self, value: str) -> Params:
        return {self.spec.after: value}

    def overlapped(self, cursor: str) -> str:
        """The filter value that reads everything changed at or after a cursor."""
        at = instant(cursor)
        if at is None:
            raise InternalError("The saved cursor is no time.", cursor=cursor)
        return self._written(at - timedelta(days=self.spec.overlap_days))

    def before_start(self, start: date | datetime) -> str:
        """The filter value for a first read that begins at a day or time of whatever zone."""
        at = datetime(start.year, start.month, start.day, tzinfo=UTC)
        if isinstance(start, datetime) and start.tzinfo:
            at = start.astimezone(UTC)
        return self._written(at - timedelta(days=1))

    def future(self, epoch_ms: int) -> Params:
        """A filter that no change can pass, when our clock is right."""
        return {self.spec.after: self._written(_later(epoch_ms, _FUTURE_DAYS))}

    def ignored(self, rows: Rows, epoch_ms: int) -> bool:
        """Whether the answer to `future` shows that the filter does not narrow.

        Only a row that changed before the filter's time shows it. One without a change time
        does not, nor does one that claims to be of the future, nor a wrong clock of ours.
        """
        bound = _later(epoch_ms, _FUTURE_DAYS - 1)
        times = (aware(value) for value in rows.cursors)
        return any(at is not None and at < bound for at in times)

    def between(self, bounds: Mapping[str, str]) -> Params:
        """Filters around `from` and `to`, wide enough for every zone; rows are chosen later."""
        day, params = timedelta(days=1), {}
        if (start := bounds.get("from")) and (low := instant(start)):
            params[self.spec.after] = self._written(low - day)
        if (end := bounds.get("to")) and (high := instant(end)) and self.spec.before:
            params[self.spec.before] = self._written(high + 2 * day)
        return params

    def _written(self, at: datetime) -> str:
        return written(at, self.spec.format)


def _later(epoch_ms: int, days: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC) + timedelta(days=days)


@dataclass(frozen=True)
class Selection:
    """Which rows a read delivers, by their change time; a row without one is delivered.

    Args:
        day: not before this day, in the zone of the row.
        start, end: from this instant, and before that one.
    """

    day: date | None = None
    start: str | None = None
    end: str | None = None

    @staticmethod
    def since(start: date | datetime) -> Selection:
        """A day as the rows' own zones count it; a time without offset likewise."""
        if isinstance(start, datetime):
            return Selection(start=start.isoformat())
        return Selection(day=start)

    def choose(self, rows: Rows) -> Rows:
        return rows.take([at for at, value in enumerate(rows.cursors) if self._has(value)])

    def _has(self, value: Any) -> bool:
        if self.day is not None:
            at = instant(value)
            return at is None or at.date() >= self.day
        return within(value, self.start, self.end)


@dataclass
class Marks:
    """Gives rows their hints and keeps the latest change time."""

    old: datetime | None = None
    """Rows that changed up to this time may have been delivered by an earlier run."""
    again: bool = False
    high: str | None = None
    _high: datetime | None = None

    @staticmethod
    def since(cursor: str | None, high: str | None, *, again: bool) -> Marks:
        return Marks(aware(cursor), again, high, aware(high))

    def hints(self, rows: Rows) -> list[Hint]:
        usual = Hint.SEEN if self.again else Hint.VERSION
        if not any(rows.cursors) or (self.old is None and self._learn_latest(rows.cursors)):
            found = [usual] * len(rows)
        else:
            found = [self._hint(value, usual) for value in rows.cursors]
        if any(rows.partial):
            found = [
                Hint.PLACEHOLDER if partial else hint
                for partial, hint in zip(rows.partial, found, strict=True)
            ]
        return found

    def _learn_latest(self, values: Sequence[Any]) -> bool:
        """Look at the latest time only; False when that takes more than comparing texts.

        Texts of one length that end alike after the second, so in one zone, are in the order of
        their times. Reading a time costs ten times as much as comparing it.
        """
        try:
            forms = {(len(text), text[19:]) for text in values}
        except (TypeError, KeyError):  # among them is a null, a number or an object
            return False
        latest = max(values)
        if len(forms) != 1 or aware(latest) is None:
            return False
        self._hint(latest, Hint.VERSION)
        return True

    def _hint(self, value: Any, usual: Hint) -> Hint:
        at = aware(value)
        if at is None:
            return usual
        if self._high is None or at > self._high:
            self.high = value if isinstance(value, str) else at.isoformat()
            self._high = at
        return Hint.SEEN if self.old is not None and at <= self.old else usual
