"""The answer of a statement as CSV text, in blocks of whole rows."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import psycopg2

_PIPE_BYTES: Final = 1 << 20
_WRITE_BYTES: Final = 1 << 18
_READ_BYTES: Final = 1 << 20


class CopyOut:
    """One COPY under way: a thread takes rows from the driver, the reader cuts them to blocks.

    The pipe between them holds a megabyte: a reader that is slow slows the server down.
    """

    def __init__(self, connection: Any, sql: str) -> None:
        self._connection = connection
        self._statement = f"COPY ({sql}) TO STDOUT (FORMAT csv)"
        self._error: BaseException | None = None
        self._read, write = os.pipe()
        with suppress(OSError, AttributeError):
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._thread = threading.Thread(
            target=self._copy, args=(write,), name="copy-out", daemon=True
        )

    def blocks(self, size: int) -> Iterator[bytes]:
        """Whole rows, about `size` bytes at a time.

        Raises:
            psycopg2.Error: the statement failed; all blocks before were whole.
        """
        self._thread.start()
        ended = False
        try:
            yield from _whole_rows(self._read, size)
            ended = True
        finally:
            if not ended:
                # Closing the pipe ends the thread only at the next row: stop the server too.
                with suppress(psycopg2.Error):
                    self._connection.cancel()
            os.close(self._read)
            self._thread.join()
        if self._error is not None:
            raise self._error

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


def _whole_rows(read: int, size: int) -> Iterator[bytes]:
    """Text up to the last line end that is not inside of quotes."""
    held: list[bytes] = []
    count = 0
    while data := os.read(read, _READ_BYTES):
        held.append(data)
        count += len(data)
        if count < size:
            continue
        text = b"".join(held)
        end = _row_end(text)
        if end:
            yield text[:end]
        held, count = [text[end:]], len(text) - end
        if not end:
            # One row larger than a block: look again when there is twice as much.
            size = max(size, 2 * count)
    if count:
        yield b"".join(held)


def _row_end(text: bytes) -> int:
    """Where the last whole row ends; 0 when there is none.

    A line end is a row's end when the quotes before it are even in number: inside of
    quotes, a quote is doubled.
    """
    end = text.rfind(b"\n")
    quotes = text.count(b'"', 0, end) if end >= 0 else 0
    while end >= 0:
        if quotes % 2 == 0:
            return end + 1
        earlier = text.rfind(b"\n", 0, end)
        quotes -= text.count(b'"', max(earlier, 0), end)
        end = earlier
    return 0
