"""How far a table has been read, as it is kept in a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from penstock.core.checkpoint import Checkpoint
from penstock.sdk.sql.reading.server import Horizon

_MARKS: Final = 32
"""Ends of earlier reads that are kept; a transaction older than all of them is looked for
without a lower bound."""


@dataclass(frozen=True)
class Part:
    """One part of a table's history, read on its own.

    Args:
        start, stop: of the split column: from `start` on (None: open), before `stop`.
        place: a condition on the physical place instead.
        at: values of the order's columns in the last row read.
    """

    start: str | None = None
    stop: str | None = None
    place: str | None = None
    at: tuple[str, ...] | None = None
    done: bool = False


@dataclass(frozen=True)
class Mark:
    """A read came to this value of the cursor, and every value chosen later is no less.

    `clock_ms` is of the server's clock.
    """

    clock_ms: int
    value: str | None


@dataclass(frozen=True)
class Seen:
    """What was under way in the server when a read began (see `Horizon`).

    Args:
        oldest_ms: when the oldest transaction that was open began, or the read itself.
        open: what is known of transactions whose beginning the server hides: earliest time.
    """

    clock_ms: int
    oldest_ms: int
    token: str = ""
    open: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def of(horizon: Horizon, before: Seen | None) -> Seen:
        """A transaction of unknown age that was not there at the earlier look began later.

        Unless it went on under another name, as prepared ones do: so it is no older than the
        oldest of then. At the first look nothing is known: it may be as old as can be.
        """
        earliest = before.oldest_ms if before is not None else 0
        noted = before.open if before is not None else {}
        hidden = {
            name: noted.get(name, earliest) for name, began in horizon.open.items() if began is None
        }
        known = [began for began in horizon.open.values() if began is not None]
        oldest = min([horizon.clock_ms, *known, *hidden.values()])
        return Seen(horizon.clock_ms, oldest, horizon.token, hidden)


@dataclass(frozen=True)
class Position:
    """All of it, for one table.

    Args:
        mode, order: with another mode or other columns reading starts anew.
        parts: of the history under way; empty when it is complete.
        at: values of the order's columns in the last row read by increments.
        floor: rows with a lower cursor value were read by the history.
        start: where `at` begins: the greatest value there was before the history.
        seen: when the newest read of increments began, or the history.
        marks: ends of earlier reads, oldest first.
        bound: history holds only rows below this value of the cursor.
        complete: every row of the first read has been yielded.
    """

    mode: str
    order: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    split: str | None = None
    at: tuple[str, ...] | None = None
    floor: str | None = None
    start: tuple[str, ...] | None = None
    seen: Seen | None = None
    marks: tuple[Mark, ...] = ()
    bound: str | None = None
    complete: bool = False

    @property
    def reached(self) -> str | None:
        """The cursor value that reading has come to."""
        return self.at[0] if self.at else self.floor

    @property
    def mark(self) -> str | None:
        """The cursor value that no value chosen later is less than.

        Until increments bring a row, that is the clock of the history.
        """
        return self.floor if self.at == self.start else self.reached

    def lowest(self) -> str | None:
        """The least cursor value that rows of transactions open at `seen` can have.

        Their values were chosen after they began, so they are no less than where a read
        had come to that ended before. None: there is no such read, so any value.
        """
        assert self.seen is not None
        for mark in reversed(self.marks):
            if mark.clock_ms <= self.seen.oldest_ms:
                return mark.value
        return None

    def marked(self, mark: Mark) -> Position:
        """With one mark more; those that no open transaction needs are dropped."""
        assert self.seen is not None
        marks = [*self.marks, mark]
        needed = [at for at, item in enumerate(marks) if item.clock_ms <= self.seen.oldest_ms]
        marks = marks[needed[-1] if needed else 0 :]
        if len(marks) > _MARKS:
            # The first stays: it alone tells of the oldest transaction.
            marks = [marks[0], *marks[1 - _MARKS :]]
        return replace(self, marks=tuple(marks))

    def checkpoint(self, shown: Mapping[str, Any]) -> Checkpoint:
        raw = {name: value for name, value in asdict(self).items() if value not in (None, (), {})}
        raw["parts"] = [
            {name: value for name, value in asdict(part).items() if value not in (None, False)}
            for part in self.parts
        ]
        return Checkpoint(raw, shown)

    @staticmethod
    def of(checkpoint: Checkpoint) -> Position:
        raw = dict(checkpoint.position)
        seen = raw.get("seen")
        return Position(
            mode=raw["mode"],
            order=tuple(raw.get("order", ())),
            parts=tuple(
                Part(**{**part, "at": tuple(part["at"]) if part.get("at") else None})
                for part in raw.get("parts", ())
            ),
            split=raw.get("split"),
            at=tuple(raw["at"]) if raw.get("at") else None,
            floor=raw.get("floor"),
            start=tuple(raw["start"]) if raw.get("start") else None,
            seen=Seen(**seen) if seen else None,
            marks=tuple(Mark(**mark) for mark in raw.get("marks", ())),
            bound=raw.get("bound"),
            complete=raw.get("complete", False),
        )
