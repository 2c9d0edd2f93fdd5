"""How far the log has been read, as it is kept in a checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from penstock.core.checkpoint import Checkpoint


@dataclass(frozen=True)
class Position:
    """The end of a transaction.

    Args:
        file, offset: the next event in the log of the server that was read.
        gtid: the transactions that lie before it; empty where the server counts none.
        server: the server's own identity, to notice that another one answers.
        at: when the last change before it was made, epoch seconds; 0 before the first.
    """

    file: str
    offset: int
    gtid: str = ""
    server: str = ""
    at: int = 0

    @staticmethod
    def of(checkpoint: Checkpoint) -> Position:
        return Position(**checkpoint.position)

    def checkpoint(self) -> Checkpoint:
        shown = {"file": self.file, "offset": self.offset}
        if self.gtid:
            shown["gtid"] = self.gtid
        if self.committed_at:
            shown["committed_at"] = self.committed_at
        return Checkpoint(asdict(self), shown)

    @property
    def committed_at(self) -> str | None:
        """When the last change before it was made, as an ISO instant."""
        if not self.at:
            return None
        return datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def text(self) -> str:
        """For messages."""
        return f"{self.file}, {self.offset}" + (f" ({self.gtid})" if self.gtid else "")

    @property
    def place(self) -> tuple[int, int]:
        """To compare places of the same server's log: files are numbered."""
        return file_number(self.file), self.offset


def file_number(name: str) -> int:
    tail = name.rpartition(".")[2]
    return int(tail) if tail.isdigit() else 0
