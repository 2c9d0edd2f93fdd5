"""Where the reading of a stream is, as its checkpoint keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from penstock.core.checkpoint import Checkpoint
from penstock.core.clock import new_id, now_ms
from penstock.core.errors import InternalError
from penstock.sdk.rest.times import aware, text_at, zone_of

_VERSION = 1
Kind = Literal["read", "sweep"]


@dataclass(frozen=True)
class Run:
    """One read that is under way, from its first page to its last.

    Args:
        since: value of the changed-since filter, fixed for all pages; None: everything.
        began_ms: the server's time at the first answer.
        high: text of the latest change time seen.
        pass_id, pass_ms: of the complete read; None when this is none.
        again: rows may have been delivered before.
        blind: rows came that could not be loaded, so their keys are not among those of the pass.
        state: of the paging.
    """

    kind: Kind = "read"
    since: str | None = None
    began_ms: int | None = None
    high: str | None = None
    pass_id: str | None = None
    pass_ms: int = 0
    again: bool = False
    blind: bool = False
    state: Mapping[str, Any] = field(default_factory=dict)

    def as_pass(self) -> Run:
        """The same run as a complete read that begins now."""
        return replace(self, pass_id=new_id(), pass_ms=now_ms())

    def begun(self, server_ms: int | None) -> Run:
        """The run after its first answer.

        The pass began at the earlier of both clocks: what is written after it is never
        flagged as deleted, and destinations know our clock only.
        """
        if self.began_ms is not None:
            return self
        began = server_ms if server_ms is not None else now_ms()
        return replace(self, began_ms=began, pass_ms=min(began, self.pass_ms or began))

    def to_json(self) -> dict[str, Any]:
        known = {
            "kind": self.kind, "since": self.since, "began": self.began_ms, "high": self.high,
            "pass": self.pass_id, "pass_ms": self.pass_ms, "again": self.again, "blind": self.blind,
            "state": dict(self.state),
        }  # fmt: skip
        return {name: value for name, value in known.items() if value or name == "kind"}

    @staticmethod
    def of(raw: Mapping[str, Any]) -> Run:
        return Run(
            kind=raw["kind"],
            since=raw.get("since"),
            began_ms=raw.get("began"),
            high=raw.get("high"),
            pass_id=raw.get("pass"),
            pass_ms=raw.get("pass_ms", 0),
            again=bool(raw.get("again")),
            blind=bool(raw.get("blind")),
            state=raw.get("state", {}),
        )


@dataclass(frozen=True)
class Position:
    """What is known after the runs that ended, and the run under way.

    Args:
        cursor: text of the change time up to which all changes were read.
        complete_ms: when the last complete read began.
        seen: text of the latest change time delivered, where it is later than the cursor.
    """

    cursor: str | None = None
    complete_ms: int | None = None
    run: Run | None = None
    seen: str | None = None

    @staticmethod
    def of(checkpoint: Checkpoint | None) -> Position:
        """Raises: InternalError: the checkpoint is of another version of this source."""
        if checkpoint is None:
            return Position()
        raw = checkpoint.position
        if raw.get("v") != _VERSION:
            raise InternalError(
                "The saved position was written by another version.",
                hint="Read the object anew: penstock run PIPELINE --object X --full-refresh.",
            )
        run = Run.of(raw["run"]) if raw.get("run") else None
        return Position(raw.get("cursor"), raw.get("complete"), run, raw.get("seen"))

    def checkpoint(self, cursor_field: str | None) -> Checkpoint:
        position: dict[str, Any] = {"v": _VERSION}
        position |= {"cursor": self.cursor} if self.cursor else {}
        position |= {"complete": self.complete_ms} if self.complete_ms is not None else {}
        position |= {"run": self.run.to_json()} if self.run else {}
        position |= {"seen": self.seen} if self.seen else {}
        return Checkpoint(position, self._shown(cursor_field))

    def _shown(self, cursor_field: str | None) -> dict[str, Any]:
        if cursor_field:
            return {cursor_field: self.cursor} if self.cursor else {}
        return {}


def delivered(position: Position, cursor: str | None, high: str | None) -> str | None:
    """The latest change time delivered, if it is later than the new cursor; see `Position.seen`."""
    times = {at: value for value in (position.seen, high, cursor) if (at := aware(value))}
    latest = max(times, default=None)
    return times[latest] if latest is not None and latest != aware(cursor) else None


def advanced(cursor: str | None, run: Run, later: str | None) -> str | None:
    """The cursor after a run that was read to its end.

    It is the smaller of the latest change seen and the server's time at the start, since what
    changed while we read may not have come; and it never goes back.
    """
    seen = aware(later)
    if later is None or seen is None:
        return cursor
    new = later
    if run.began_ms is not None and seen.timestamp() * 1000 > run.began_ms:
        new = text_at(run.began_ms, zone_of(later))
    old, moved = aware(cursor), aware(new)
    return cursor if old is not None and moved is not None and moved <= old else new
