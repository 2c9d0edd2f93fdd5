"""A thread that keeps a replication connection alive and reads ahead of the decoder."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

import psycopg

from penstock.connectors.sources.postgres.log.framing import Block, Framing, status
from penstock.connectors.sources.postgres.log.wire import Wire

_AHEAD: Final = 2
_LINGER_S: Final = 0.1
"""A block that is not full is handed over after this time, so that batches do not get tiny."""
_LOOK_S: Final = 0.2
_FAREWELL_S: Final = 2.0
_ASKS: Final = b"d\0\0\0\x16k"
_ASKS_BYTES: Final = 23
"""A keepalive: frame, end of the log, clock, and whether an answer is wanted at once."""
_STOPPING_ASKS: Final = 5
_STOPPING_S: Final = 1.0
"""A server that wants to stop asks again and again until everything is confirmed."""


@dataclass
class _Lost:
    error: Exception


class Follower:
    """Blocks of a started stream, in order; status updates go out whatever the reader does.

    Args:
        flushed: position up to which the server may forget its log.
        block_bytes: size of a block; two wait ahead of the reader.
        status_s: most time between two status updates.
    """

    def __init__(
        self, wire: Wire, flushed: int, *, block_bytes: int = 2 << 20, status_s: float = 10.0
    ) -> None:
        self._wire = wire
        self._flushed = flushed
        self._block_bytes = block_bytes
        self._status_s = status_s
        self._framing = Framing()
        self._ready: queue.Queue[bytes | _Lost] = queue.Queue(_AHEAD)
        self._stop = threading.Event()
        self._tell = threading.Event()
        self._asked: deque[float] = deque(maxlen=_STOPPING_ASKS)
        self._thread = threading.Thread(target=self._run, name="postgres log", daemon=True)
        self._thread.start()

    def next(self, timeout_s: float) -> Block | None:
        """The next block; None when nothing came in time.

        Raises:
            ConnectionError: the connection is gone.
            psycopg.Error: the server reports an error.
        """
        try:
            found = self._ready.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(found, _Lost):
            raise found.error
        return self._framing.feed(found)

    def acknowledge(self, position: int) -> None:
        """Everything before this position is safe."""
        self._flushed = max(self._flushed, position)
        self._tell.set()

    def close(self) -> None:
        """Tell the server how far we are, and part."""
        self._stop.set()
        self._thread.join()
        self._wire.close()

    def _run(self) -> None:
        try:
            self._follow()
        except Exception as error:  # noqa: BLE001 (raised by `next`, in the reader's thread)
            # At once, however long the reader takes: the server may wait for it to stop.
            self._wire.close()
            self._put(_Lost(error))
            return
        try:
            self._part()
        except (OSError, psycopg.Error):
            # It is gone already; it will be told with the next connection.
            return

    def _follow(self) -> None:
        parts: list[bytes] = []
        size, since, told = 0, 0.0, time.monotonic()
        while not self._stop.is_set():
            now = time.monotonic()
            if self._tell.is_set() or now - told >= self._status_s:
                self._send_status()
                told = now
            full = size >= self._block_bytes
            if parts and (full or now - since >= _LINGER_S) and not self._ready.full():
                self._ready.put(b"".join(parts))
                parts, size = [], 0
            elif full:
                self._tell.wait(_LOOK_S / 10)
                continue
            data = self._wire.receive(_LINGER_S if parts else _LOOK_S)
            if data:
                self._answer(data)
                since = since if parts else time.monotonic()
                parts.append(data)
                size += len(data)

    def _answer(self, data: bytes) -> None:
        """Answer a server that asks. One that is to stop waits until all of its log is confirmed,
        which may take as long as loading does: then the connection ends instead, and reading goes
        on when the server is back."""
        if data[-1] != 1 or data[-_ASKS_BYTES:].find(_ASKS) != 0:
            return
        now = time.monotonic()
        self._asked.append(now)
        if len(self._asked) == _STOPPING_ASKS and now - self._asked[0] < _STOPPING_S:
            raise ConnectionError("the server is about to stop")
        self._tell.set()

    def _send_status(self) -> None:
        self._tell.clear()
        self._wire.send(status(self._flushed, time.time_ns() // 1000))

    def _put(self, lost: _Lost) -> None:
        while not self._stop.is_set():
            try:
                self._ready.put(lost, timeout=_LOOK_S)
            except queue.Full:
                continue
            return

    def _part(self) -> None:
        """The last status has to be read by the server before the connection ends."""
        self._send_status()
        self._wire.end()
        until = time.monotonic() + _FAREWELL_S
        tail = b""
        while time.monotonic() < until and not tail.endswith(b"Z\0\0\0\5I"):
            tail = (tail + self._wire.receive(_LOOK_S))[-64:]
