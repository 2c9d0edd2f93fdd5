"""Sideloaded arrays: streams that come with the rows of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from penstock.core.batch import Batch, Hint
from penstock.sdk.json_columns import JsonColumns
from penstock.sdk.rest.batching import Pending
from penstock.sdk.rest.ids import IdSet
from penstock.sdk.rest.page import Rows
from penstock.sdk.source import ReadContext


@dataclass
class Side:
    """One sideloaded stream of a read; a row that several pages bring is delivered once."""

    pending: Pending
    seen: IdSet = field(default_factory=IdSet)

    def add(self, rows: Rows) -> None:
        new = rows.take([at for at, key in enumerate(rows.names) if self.seen.add(key)])
        self.pending.add(new, [Hint.VERSION] * len(new))


class Sides:
    """The sideloaded streams of one read, by the member of the answer that holds them."""

    def __init__(
        self, streams: Mapping[str, tuple[str, JsonColumns]], context: ReadContext
    ) -> None:
        self._sides = {
            member: Side(Pending(name, columns, context))
            for member, (name, columns) in streams.items()
        }

    def add(self, others: Mapping[str, Rows]) -> None:
        for member, rows in others.items():
            self._sides[member].add(rows)

    def batches(self) -> Iterator[Batch]:
        """What was collected; it goes before the batch whose checkpoint covers it."""
        for side in self._sides.values():
            if not side.pending.empty:
                yield side.pending.batch(None, None)
