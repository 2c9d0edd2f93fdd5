"""Complete reads of a stream, followed over packages and over crashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from penstock.core.batch import PER_ROW, Batch
from penstock.core.checkpoint import Checkpoint


@dataclass
class Pass:
    """One complete read under way.

    Args:
        id: as the source names it.
        started_at: epoch ms by our own clock when its first batch was asked for.
        parts: packages of the pass that are closed; each left one file of keys.
        blind: events read whose key is unknown; one is enough to spoil the pass.
    """

    id: str
    started_at: int
    parts: int = 0
    blind: int = 0


@dataclass
class Passes:
    """The passes of one split, by stream; saved inside its checkpoint, so that a read resumes."""

    read_started_at: int
    by_stream: dict[str, Pass] = field(default_factory=dict)

    @staticmethod
    def resume(checkpoint: Checkpoint | None, read_started_at: int) -> Passes:
        saved: Mapping[str, Any] = checkpoint.passes if checkpoint else {}
        return Passes(read_started_at, {name: Pass(**raw) for name, raw in saved.items()})

    def note(self, batch: Batch) -> None:
        """Begin, go on with, or count events without a key of the batch's pass."""
        seen = batch.full_pass
        if seen is None:
            if batch.op != PER_ROW:  # of a log, the rows after a truncation follow its pass
                self.by_stream.pop(batch.stream, None)
            return
        current = self.by_stream.get(batch.stream)
        if current is None or current.id != seen.id:
            current = Pass(seen.id, seen.started_at if batch.truncated else self.read_started_at)
            self.by_stream[batch.stream] = current
        current.blind += sum(1 for event in batch.failed if event.key is None)

    def closed(self, streams: set[str]) -> None:
        """A package with keys of these streams was closed."""
        for name in streams & self.by_stream.keys():
            self.by_stream[name].parts += 1

    def with_closed(self, streams: set[str]) -> Passes:
        """The notes as they would be once a package with keys of these streams was closed."""
        notes = {name: replace(item) for name, item in self.by_stream.items()}
        then = Passes(self.read_started_at, notes)
        then.closed(streams)
        return then

    def ended(self, stream: str) -> None:
        self.by_stream.pop(stream, None)

    def into(self, checkpoint: Checkpoint) -> Checkpoint:
        """The source's checkpoint with our notes in it."""
        notes = {name: vars(item) for name, item in self.by_stream.items()}
        return replace(checkpoint, passes=notes)
