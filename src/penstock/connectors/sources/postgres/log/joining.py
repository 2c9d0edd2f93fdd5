"""What the log may tell of tables whose rows are appended: their history has some of it already."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from penstock.connectors.sources.postgres.log.changes import Changes
from penstock.connectors.sources.postgres.log.messages import Ints
from penstock.connectors.sources.postgres.log.snapshot import Snapshot
from penstock.core.errors import Interrupted
from penstock.sdk.log.joins import Joins

_LOOK_S: Final = 0.2


class Joining:
    """Leaves out changes that the snapshot of a history had.

    Args:
        joins: of tables whose rows are appended; their histories are in the destination, or
            will be read again by a later job.
        now: asks the server for a snapshot.
    """

    def __init__(self, joins: Joins, now: Callable[[], Snapshot]) -> None:
        self._joins = joins
        self._now = now

    def new(self, changes: Changes, lsn: int, cancel: threading.Event) -> Changes | None:
        """The changes without those that the history has; None when there are no others.

        Args:
            lsn: they were committed after this place.
        """
        table = changes.relation.schema, changes.relation.name
        if changes.numbers is None:
            return changes
        if self._joins.missed(table):
            self._until_seen(changes.numbers, cancel)
            return None
        raw = self._joins.snapshot(table)
        if raw is None or lsn >= raw["lsn"]:
            return changes
        seen = Snapshot.of(raw).sees(changes.numbers)
        if not seen.any():
            return changes
        return None if seen.all() else changes.chosen(~seen)

    def _until_seen(self, numbers: Ints, cancel: threading.Event) -> None:
        """Until every snapshot has these transactions, so also that of the history to come.

        The log tells of a commit a moment before others see it: a long one, where the server
        waits for its standbys in between.
        """
        while not self._now().sees(numbers).all():
            if cancel.wait(_LOOK_S):
                raise Interrupted("Reading was stopped.")
