"""When a server is away, calls stop insisting: one of them was patient for all."""

from __future__ import annotations

import threading


class Breaker:
    """Shared by the calls of one client; may be used from several threads.

    It opens when a call has used up its patience and nobody got an answer meanwhile. While it is
    open each call is tried once instead of many times; the first answer of any status closes it.
    So a server that dies in the middle of a job costs the patience of one call, not of each, and
    one that drops a call in twenty is never taken for dead.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._answers = 0
        self._open = False

    @property
    def is_open(self) -> bool:
        return self._open

    @property
    def answers(self) -> int:
        """Answers so far: what `gave_up` compares with."""
        return self._answers

    def answered(self) -> None:
        """The server is there."""
        with self._mutex:
            self._answers += 1
            self._open = False

    def gave_up(self, answers_before: int) -> None:
        """A call ended without an answer.

        Args:
            answers_before: `answers` when the call began.
        """
        with self._mutex:
            if self._answers == answers_before:
                self._open = True
