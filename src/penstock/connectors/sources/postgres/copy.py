"""The answer of a statement as CSV text, in blocks of whole rows."""

from __future__ import annotations

import fcntl
import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import psycopg2

_PIPE_BYTES: Final = 1 << 20
_WRITE_BYTES: Final = 1 << 18
_LOOK_MS: Final = 200


class _Cancelled(Exception):
    """The job is to stop."""


class CopyOut:
    """One COPY under way: a thread takes rows from the driver, the reader cuts them to blocks.

    The pipe between them holds a megabyte: a reader that is slow slows the server down.
    """

    def __init__(self, connection: Any, sql: str, cancel: threading.Event) -> None:
        self._connection = connection
        self._cancel = cancel
        self._statement = f"COPY ({sql}) TO STDOUT (FORMAT csv)"
        self._error: BaseException | None = None
        self._read, write = os.pipe()
        with suppress(OSError, AttributeError):
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._thread = threading.Thread(
            target=self._copy, args=(write,), name="copy-out", daemon=True
        )

    def blocks(self, next_size: Callable[[], int]) -> Iterator[memoryview]:
        """Whole rows, about `next_size()` bytes at a time, each block good until the next.

        Ends early when cancelled, also while the server has not sent a row yet.

        Raises:
            psycopg2.Error: the statement failed; all blocks before were whole.
        """
        self._thread.start()
        ended = False
        try:
            yield from _whole_rows(self._more, next_size)
            ended = True
        except _Cancelled:
            pass
        finally:
            if not ended:
                # Closing the pipe ends the thread only at the next row: stop the server too.
                with suppress(psycopg2.Error):
                    self._connection.cancel()
            os.close(self._read)
            self._thread.join()
        if self._error is not None and ended:
            raise self._error

    def _more(self, room: memoryview) -> int:
        """Bytes into the room, as soon as there are some; 0 at the end."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        while not poll.poll(_LOOK_MS):
            if self._cancel.is_set():
                raise _Cancelled
        return os.readv(self._read, [room])

    def _copy(self, write: int) -> None:
        try:
            with (
                suppress(BrokenPipeError),
                open(write, "wb", buffering=_WRITE_BYTES) as sink,
                self._connection.cursor() as cursor,
            ):
                cursor.copy_expert(self._statement, sink)
        except BaseException as error:  # noqa: BLE001 (raised by the reader of the blocks)
            self._error = error


def _whole_rows(
    more: Callable[[memoryview], int], next_size: Callable[[], int]
) -> Iterator[memoryview]:
    """Text up to the last line end that is not inside of quotes; good until the next is asked for.

    All blocks lie in one place of memory, since fresh pages for each cost more than the reading.
    """
    size = next_size()
    room = bytearray(size + 1)
    count = 0
    while got := more(memoryview(room)[count : max(size, count + 1)]):
        count += got
        if count >= size:
            end = _row_end(room, count)
            if end:
                yield memoryview(room)[:end]
                room[: count - end] = room[end:count]
                count -= end
            # A row may be larger than a block: then look again when there is twice as much.
            size = next_size() if end else 2 * count
        if len(room) < size + 1:
            room = room + bytes(size + 1 + len(room))
    if count:
        yield memoryview(room)[:count]


def _row_end(text: bytearray, count: int) -> int:
    """Where the last whole row of these bytes ends; 0 when there is none.

    A line end is a row's end when the quotes before it are even in number: inside of
    quotes, a quote is doubled.
    """
    end = text.rfind(b"\n", 0, count)
    quotes = text.count(b'"', 0, end) if end >= 0 else 0
    while end >= 0:
        if quotes % 2 == 0:
            return end + 1
        earlier = text.rfind(b"\n", 0, end)
        quotes -= text.count(b'"', max(earlier, 0), end)
        end = earlier
    return 0
