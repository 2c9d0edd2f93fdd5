"""The books: what became of every event, for each object of each job."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from penstock.core.errors import InternalError


@dataclass
class Books:
    """Counts of events of one object in one job (or one package of it).

    `read + created = filtered + collapsed + oversize + failed + loaded`, always.
    `loaded = inserted + updated + deleted + unchanged` where the destination can tell.
    `deleted` counts rows flagged by delete events that were read; rows flagged because a
    complete read no longer had them are `flagged`, since no event was read for them.
    """

    read: int = 0
    created: int = 0
    filtered: int = 0
    collapsed: int = 0
    oversize: int = 0
    failed: int = 0
    loaded: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    flagged: int = 0
    bytes_read: int = 0

    def add(self, other: Books) -> None:
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))

    @property
    def entered(self) -> int:
        return self.read + self.created

    @property
    def left(self) -> int:
        return self.filtered + self.collapsed + self.oversize + self.failed + self.loaded

    def check(self, **where: object) -> None:
        """Raise `InternalError` when an event is unaccounted for or counted twice."""
        parts = self.inserted + self.updated + self.deleted + self.unchanged
        if self.entered != self.left or self.loaded != parts:
            raise InternalError(
                "The books do not balance: events are missing or counted twice.",
                hint="Nothing was marked as done. Please report this with the log file.",
                code="internal.books",
                **{**where, **{k: v for k, v in asdict(self).items() if v}},
            )

    def to_dict(self) -> dict[str, int]:
        return asdict(self)
