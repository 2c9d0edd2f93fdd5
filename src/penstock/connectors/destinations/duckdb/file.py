"""The database file: opened when it is needed, let go as soon as it is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from penstock.connectors.destinations.duckdb.errors import translate, unexpected
from penstock.core.errors import Interrupted, TransientError

# Opening and closing the file costs tens of milliseconds, so loads that follow each other
# share one opening; after a pause of this length other programs can have it.
_IDLE_S = 0.5
# Half of DuckDB's own: a group is packed as a whole when it is written, and that is the most
# memory a load takes. It costs nothing when reading.
_GROUP_ROWS = 61_440
# What a load has written stays in DuckDB's cache until its memory is full; from then on each new
# block drives an old one out, and DuckDB has freed memory purged again and again: a fifth of a
# load's time. Rows of which a group takes no more than this part of the memory may use so many
# times of it while they are written, of which the most is that cache, and then a part is kept.
_NARROW = 1 / 3
_SPREAD = 2
_KEPT = 0.35
# DuckDB's own number; 0 lets small groups of rows be.
_VACUUM_TASKS = 100
# Names of DuckDB's own databases.
_TAKEN = ("memory", "system", "temp")
_MOST_BYTES = 4_000_000_000
# A program that looks into the file for a moment is waited for.
_PATIENCE_S = 30.0


class DuckFile:
    """One DuckDB file, shared by the loads of a job and with other programs in between."""

    def __init__(self, path: Path, threads: int, memory_limit: str | None) -> None:
        self.path = path
        self.threads = threads
        self._fixed_limit = memory_limit
        self.memory_bytes: int | None = None
        self.patience_s = _PATIENCE_S
        self.cancel = threading.Event()
        self._lock = threading.RLock()
        self._open: duckdb.DuckDBPyConnection | None = None
        self._read_only = False
        self._is_spread = False
        self._only_added = True
        self._closer: threading.Timer | None = None

    @contextmanager
    def borrowed(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection, for one caller at a time; opened read-only it makes no file, and other
        programs can go on reading.

        Raises:
            TransientError: another process holds the file and does not let go.
            Interrupted: the job was stopped while it waited for that.
            ConfigError: the file cannot be used.
        """
        with self._lock:
            if self._closer is not None:
                self._closer.cancel()
            if self._read_only and not read_only:
                self.close()
            if self._open is None:
                self._open = self._connect(read_only)
                self._read_only = read_only
            try:
                yield self._open
            finally:
                self._closer = threading.Timer(_IDLE_S, self.close)
                self._closer.daemon = True
                self._closer.start()

    def settle(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Roll back what was not committed, and drop what a transaction left behind."""
        try:
            connection.rollback()
        except duckdb.TransactionException:
            return  # committed: there is nothing to roll back
        except duckdb.Error:
            # A connection in an unknown state is not used again.
            with suppress(duckdb.Error):
                connection.close()
            self._open = None

    def interrupt(self) -> None:
        """From another thread: give up the statement that runs."""
        connection = self._open
        if connection is not None:
            with suppress(duckdb.Error):
                connection.interrupt()

    def close(self) -> None:
        """Let go of the file; it is opened again when needed."""
        with self._lock:
            if self._closer is not None:
                self._closer.cancel()
            if self._open is not None:
                self._open.close()
                self._open = None
            self._only_added = True

    def adding(self, row_bytes: float) -> None:
        """For the borrower: rows are added now, and none is taken away.

        Groups of rows that are not full are let be when the file is closed: putting them
        together would write a tenth of a long read again. Once a row was taken away, they are
        put together.

        Args:
            row_bytes: of one row, before compression.
        """
        assert self._open is not None
        if self._only_added:
            self._open.execute("SET max_vacuum_tasks = 0")
        if self._fixed_limit or not self.memory_bytes:
            return
        if row_bytes * _GROUP_ROWS <= self.memory_bytes * _NARROW:
            self._limit(self.memory_bytes * _SPREAD)
            self._is_spread = True

    def changing(self) -> None:
        """For the borrower: rows are changed or taken away now."""
        assert self._open is not None
        if self._only_added:
            self._only_added = False
            self._open.execute(f"SET max_vacuum_tasks = {_VACUUM_TASKS}")

    def gather(self) -> None:
        """After a load: what it held beyond its share is given back."""
        with self._lock:
            if not self._is_spread:
                return
            self._is_spread = False
            if self._open is None or not self.memory_bytes:
                return
            # More is in use than can be let go of: as much as can be was.
            with suppress(duckdb.OutOfMemoryException):
                self._limit(self.memory_bytes * _KEPT)
            with suppress(duckdb.OutOfMemoryException):
                self._limit(self.memory_bytes)

    def _limit(self, limit_bytes: float) -> None:
        assert self._open is not None
        self._open.execute(f"SET memory_limit = '{int(limit_bytes) // 1_000_000}MB'")

    def _connect(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + self.patience_s
        pause = 0.1
        while True:
            try:
                return self._attached(read_only)
            except (duckdb.Error, OSError) as error:
                if self._is_unborn(error):
                    continue
                known = translate(error, self.path)
                if known is None:
                    raise unexpected(error) from error
                if not isinstance(known, TransientError) or time.monotonic() > deadline:
                    raise known from error
                if self.cancel.wait(pause):
                    raise Interrupted("The job was stopped while the file was held.") from error
                pause = min(pause * 2, 2.0)

    def _attached(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        """The file as the default database of a connection: only `ATTACH` takes a group size."""
        connection = duckdb.connect(config=self._settings())
        try:
            # The name that DuckDB itself gives a file, so that views with full names work.
            name = self.path.stem if self.path.stem not in _TAKEN else f"{self.path.stem}_file"
            quoted = name.replace('"', '""')
            file = str(self.path).replace("'", "''")
            how = "READ_ONLY" if read_only else f"ROW_GROUP_SIZE {_GROUP_ROWS}"
            connection.execute(f"ATTACH '{file}' AS \"{quoted}\" ({how})")
            connection.execute(f'USE "{quoted}"')
        except BaseException:
            connection.close()
            raise
        return connection

    def more_memory(self) -> bool:
        """Let DuckDB use twice as much from now on; False when the user or we fixed the limit."""
        if self._fixed_limit or not self.memory_bytes or self.memory_bytes >= _MOST_BYTES:
            return False
        self.memory_bytes *= 2
        self.close()
        return True

    def _is_unborn(self, error: BaseException) -> bool:
        """Take away an empty file: what a process leaves that was killed while making it."""
        if "not a valid DuckDB" not in str(error) or self.path.stat().st_size:
            return False
        self.path.unlink()
        return True

    def _settings(self) -> dict[str, str | bool | int | float | list[str]]:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": self.threads,
            # Nothing is fetched at run time.
            "autoinstall_known_extensions": False,
            "preserve_insertion_order": False,
            # Beside the file, where DuckDB puts it for a file that it opens itself.
            "temp_directory": f"{self.path}.tmp",
        }
        if self._fixed_limit:
            settings["memory_limit"] = self._fixed_limit
        elif self.memory_bytes:
            settings["memory_limit"] = f"{self.memory_bytes // 1_000_000}MB"
        return settings
