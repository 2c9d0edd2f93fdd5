"""How far the log has been read, as it is kept in a checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from penstock.connectors.sources.postgres.log.lsn import lsn_text
from penstock.core.checkpoint import Checkpoint


@dataclass(frozen=True)
class Position:
    """The end of a transaction, or a place of the log where none is open.

    Args:
        lsn: reading goes on with what is committed after it.
        slot: the slot that keeps the log from here on.
        system: identifier that the server's data was given when it was made.
        timeline: grows by one when a standby takes over.
        at_us: when the last change before it was committed, epoch us; 0 before the first.
    """

    lsn: int
    slot: str
    system: str
    timeline: int
    at_us: int = 0

    @staticmethod
    def of(checkpoint: Checkpoint) -> Position:
        return Position(**checkpoint.position)

    def checkpoint(self) -> Checkpoint:
        shown = {"lsn": lsn_text(self.lsn)}
        if self.committed_at:
            shown["committed_at"] = self.committed_at
        return Checkpoint(asdict(self), shown)

    @property
    def committed_at(self) -> str | None:
        """When the last change before it was committed, as an ISO instant."""
        if not self.at_us:
            return None
        at = datetime.fromtimestamp(self.at_us // 1_000_000, UTC)
        return at.isoformat().replace("+00:00", "Z")
