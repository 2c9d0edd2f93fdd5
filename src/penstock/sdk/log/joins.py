"""Tables whose rows nothing tells apart: where their history and the log meet.

A row that came with both would be there twice. So the history of such a table is read at one
snapshot, which its checkpoint keeps, and the log tells nothing of the table until the history is
in the destination: then it leaves out what the snapshot had.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.splits import history_split
from penstock.core.stream import Split

Name = tuple[str, str]
"""Schema (or database) and table."""
SNAPSHOT: Final = "snapshot"
"""Of a table's position in the checkpoint of its history: the snapshot that was read."""
_COMPLETE: Final = "complete"


@dataclass(frozen=True)
class Joined:
    """The tables of one object.

    Args:
        tables: names by label; of an object of several tables, each label has a position of its
            own in the checkpoint.
        split: reads their history in this job; None when it was read before.
        saved: what is known of that history's end: the position of its checkpoint.
    """

    tables: Mapping[str, Name]
    split: str | None = None
    saved: Mapping[str, Any] = field(default_factory=dict)

    def ended(self, position: Mapping[str, Any]) -> dict[Name, Mapping[str, Any] | None]:
        """Tables whose history is whole at the position, with the snapshot where it has one."""
        if len(self.tables) == 1:
            places = [(name, position) for name in self.tables.values()]
        else:
            places = [(name, position.get(label, {})) for label, name in self.tables.items()]
        return {name: at.get(SNAPSHOT) for name, at in places if at.get(_COMPLETE)}


def joined(
    stream: str,
    split: Split | None,
    tables: Mapping[str, Name],
    saved: Mapping[str, Checkpoint],
) -> Joined:
    """One object as it is planned.

    Args:
        split: reads its history, if that is to be read.
        saved: positions by split, as a source's `plan` is given them.
    """
    known = saved.get(history_split(stream) if split is None else split.name)
    return Joined(tables, split.name if split else None, known.position if known else {})


def is_complete(checkpoint: Checkpoint | None) -> bool:
    """Whether the history of a table was read to its end."""
    return checkpoint is not None and bool(checkpoint.position.get(_COMPLETE))


def with_snapshot(batch: Batch, snapshot: Mapping[str, Any]) -> Batch:
    """The last batch of a history that was read at this snapshot, given in plain values."""
    assert batch.checkpoint is not None
    position = {**batch.checkpoint.position, SNAPSHOT: snapshot}
    return replace(batch, checkpoint=replace(batch.checkpoint, position=position))


class Joins:
    """Shared by those who plan, load and read the log, each in a thread of its own."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._joined: tuple[Joined, ...] = ()
        self._ended: dict[Name, Mapping[str, Any] | None] = {}
        self._awaited: set[Name] = set()
        self._missed: set[Name] = set()

    def follow(self, joined: Iterable[Joined]) -> None:
        """The objects from now on."""
        with self._changed:
            self._joined = tuple(joined)
            self._ended, self._awaited, self._missed = {}, set(), set()
            for item in self._joined:
                self._ended |= item.ended(item.saved)
                if item.split is not None:
                    self._awaited |= set(item.tables.values()) - self._ended.keys()

    def delivered(self, split: str, checkpoint: Checkpoint) -> None:
        """Everything up to the checkpoint of a split is in the destination."""
        with self._changed:
            for item in self._joined:
                if item.split == split:
                    self._ended |= item.ended(checkpoint.position)
            self._awaited -= self._ended.keys()
            self._changed.notify_all()

    @property
    def awaits(self) -> bool:
        """Whether there is a table of which nothing may be told yet."""
        return bool(self._awaited)

    def snapshot(self, table: Name) -> Mapping[str, Any] | None:
        """At which the history was read; None where nothing has to be left out."""
        return self._ended.get(table)

    def snapshots(self) -> dict[Name, Mapping[str, Any]]:
        """All of them, of tables of which something may have to be left out."""
        with self._changed:
            return {name: raw for name, raw in self._ended.items() if raw is not None}

    def all_missed(self) -> frozenset[Name]:
        """Tables that are `missed`."""
        with self._changed:
            return frozenset(self._missed)

    def missed(self, table: Name) -> bool:
        """The history of the table ended in this job without being whole: a later job reads it
        again, and that snapshot will have all that the log could tell now."""
        return table in self._missed

    def come(
        self,
        tables: Collection[Name],
        ended: threading.Event,
        cancel: threading.Event,
        timeout_s: float,
    ) -> bool:
        """Wait a little; whether the log may be read on over changes of these tables.

        Args:
            ended: set once no history is read any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._awaited.intersection(tables), timeout_s)
            # In this order: a job that is cancelled is so before its last history has ended.
            over = ended.is_set()
            if cancel.is_set():
                return False
            if over:
                self._missed |= self._awaited
                self._awaited.clear()
            return not self._awaited.intersection(tables)
