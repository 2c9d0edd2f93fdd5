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
        blind: events read whose key is unknown, or of which nobody knows what they would have
            become; one is enough to spoil the pass.
        others: `parts` of the other event types that a transformation makes of the stream.
    """

    id: str
    started_at: int
    parts: int = 0
    blind: int = 0
    others: dict[str, int] = field(default_factory=dict)

    def parts_of(self, part: str, stream: str) -> int:
        """Files of keys that an event type has so far, by the name of its parts."""
        return self.parts if part == stream else self.others.get(part, 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        told = {"id": self.id, "started_at": self.started_at, "parts": self.parts}
        return {**told, "blind": self.blind, **({"others": {**self.others}} if self.others else {})}


@dataclass
class Passes:
    """The passes of one split, by stream; saved inside its checkpoint, so that a read resumes.

    A file of keys is that of an event type: `closed` takes names of parts by their stream.
    """

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

    def refused(self, stream: str, events: int) -> None:
        """A transformation refused so many events."""
        if stream in self.by_stream:
            self.by_stream[stream].blind += events

    def closed(self, keyed: Mapping[str, str]) -> None:
        """A package with keys was closed: the stream of each part that has some, by its name."""
        for part, stream in keyed.items():
            current = self.by_stream.get(stream)
            if current is not None and part == stream:
                current.parts += 1
            elif current is not None:
                current.others[part] = current.others.get(part, 0) + 1

    def with_closed(self, keyed: Mapping[str, str]) -> Passes:
        """The notes as they would be once such a package was closed."""
        notes = {
            name: replace(item, others=dict(item.others)) for name, item in self.by_stream.items()
        }
        then = Passes(self.read_started_at, notes)
        then.closed(keyed)
        return then

    def ended(self, stream: str) -> None:
        self.by_stream.pop(stream, None)

    def into(self, checkpoint: Checkpoint) -> Checkpoint:
        """The source's checkpoint with our notes in it."""
        notes = {name: item.to_dict() for name, item in self.by_stream.items()}
        return replace(checkpoint, passes=notes)
