"""Which split is read when: some wait for the saved position of another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Sequence

from penstock.core.load import LoadPackage
from penstock.core.stream import Split

Start = Callable[[Split, threading.Event], object]


class Starts:
    """Starts readers as soon as they may begin; used by the thread that loads, alone.

    Args:
        saved: names of splits that have a position from an earlier job.
        start: begins to read a split; the event is set once all splits that come after it
            have ended.
    """

    def __init__(self, splits: Sequence[Split], saved: Container[str], start: Start) -> None:
        self._start = start
        self._after = {split.name: split.after for split in splits}
        self._left = set(self._after)
        awaited = {after for after in self._after.values() if after is not None}
        self._ended = {name: threading.Event() for name in self._left}
        self._waiting: dict[str, list[Split]] = {}
        for name in self._left:
            self._look(name)
        # Those that others wait for go first: all threads may be taken by the others else.
        for split in sorted(splits, key=lambda one: (one.name not in awaited, one.priority)):
            if split.after is None or split.after in saved or split.after not in self._left:
                start(split, self._ended[split.name])
            else:
                self._waiting.setdefault(split.after, []).append(split)

    @property
    def reading(self) -> bool:
        """Whether a split has not ended, or not even begun."""
        return bool(self._left)

    def saved(self, package: LoadPackage) -> None:
        """A package is in the destination, and its position in the catalog."""
        if package.checkpoint is not None:
            for split in self._waiting.pop(package.split, ()):
                self._start(split, self._ended[split.name])

    def ended(self, name: str) -> list[Split]:
        """A split's reader has ended; returns the splits that can never begin now."""
        self._left.discard(name)
        after = self._after.get(name)
        if after is not None and after in self._ended:
            self._look(after)
        return self._waiting.pop(name, [])

    def _look(self, name: str) -> None:
        if not any(self._after[other] == name for other in self._left):
            self._ended[name].set()
