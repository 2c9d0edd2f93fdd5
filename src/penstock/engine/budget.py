"""Sizes of batches, packages and concurrency, derived from one memory budget."""

from __future__ import annotations

from dataclasses import dataclass, replace

from penstock.core.flush import Flush

MIB = 1 << 20
# An interpreter with Arrow, DuckDB and an HTTP client loaded; measured on Linux x86.
_FIXED_BYTES = 180 * MIB
# What a job of 46 columns into DuckDB takes with the smallest sizes; measured alike.
_LEAST_BYTES = 220_000_000
_PACKAGE_ROWS = 61_440
_FIRST_ROWS = 2 * _PACKAGE_ROWS
_COLUMNAR_BATCH = 30_720


@dataclass(frozen=True)
class Budget:
    """How much of everything one job may hold.

    Args:
        batch_rows, batch_bytes: size at which a source should hand over a batch.
        package_rows, package_bytes, package_seconds: size at which a package closes, at the
            next checkpoint; bytes are of Arrow data before compression.
        first_rows: size in rows of a read's first package; each that is full lets the next be
            four times as large, so that a long read has few loads and a short one shows early.
        most_log_rows: most rows of a package of a log. Changes are compared with stored rows:
            twice as many took 50 MB more memory and a tenth less time (1 M changes of 12
            columns into DuckDB). More where a server does that (`into_server`).
        readers: splits read at the same time.
        destination_bytes: what the destination's engine may use (DuckDB's memory limit).
    """

    batch_rows: int = 1_000
    batch_bytes: int = 8 * MIB
    batch_seconds: float = 5.0
    package_rows: int = _PACKAGE_ROWS
    first_rows: int = _PACKAGE_ROWS
    most_log_rows: int = 2 * _PACKAGE_ROWS
    package_bytes: int = 64 * MIB
    package_seconds: float = 60.0
    readers: int = 8
    destination_bytes: int = 64 * MIB

    def into_server(self) -> Budget:
        """The same for a destination that compares rows in its own memory: large packages of a log.

        Changes of one row become one change in a package: a million changes of 100,000 rows took
        550,000 updates instead of 836,000, and a fifth less of the server's time.
        """
        return replace(self, most_log_rows=8 * _PACKAGE_ROWS)

    @property
    def log_rows(self) -> int:
        """Most rows of a package of changes."""
        return min(self.package_rows, self.most_log_rows)

    @property
    def whole_batch(self) -> int:
        """Most rows of a batch of a source that reads many at once: half of DuckDB's row group."""
        return min(self.package_rows, _PACKAGE_ROWS)

    def with_packages_of(self, rows: int | None) -> Budget:
        """The same with packages (and so batches) of at most so many rows."""
        if rows is None:
            return self
        return replace(self, package_rows=rows, batch_rows=min(self.batch_rows, rows))

    def flushed(self, flush: Flush | None) -> Budget:
        """The same with packages that close as the user wants, a log's rows in hand no longer
        than a part of that time."""
        if flush is None:
            return self
        smaller = self.with_packages_of(min(flush.rows, self.package_rows) if flush.rows else None)
        return replace(
            smaller,
            package_bytes=min(flush.bytes or self.package_bytes, self.package_bytes),
            package_seconds=flush.seconds,
            batch_seconds=min(self.batch_seconds, flush.seconds / 4),
        )

    @staticmethod
    def shortfall(memory_bytes: int) -> str | None:
        """What to tell a user whose budget cannot be kept, whatever the sizes; None when it can."""
        if memory_bytes >= _LEAST_BYTES:
            return None
        return (
            f"PENSTOCK_MEMORY is {memory_bytes // 1_000_000}MB, and a job takes some "
            f"{_LEAST_BYTES // 1_000_000}MB with the smallest batches and packages: Python, Arrow "
            "and DuckDB alone are most of it. This job uses these smallest sizes."
        )

    @staticmethod
    def of(memory_bytes: int, *, columnar: bool = False) -> Budget:
        """Split `memory_bytes` (PENSTOCK_MEMORY) over the stages of a job.

        A batch exists about three times at once (decoded, Arrow, encoded), for each reader.
        Packages wait on disk, but the destination's engine holds one while it compares and
        packs it: so they follow its share.

        Args:
            columnar: the source gives whole columns (`Source.columnar`). Then each batch and each
                load cost more than their rows: larger ones of narrow rows, in the same bytes.
        """
        free = max(memory_bytes - _FIXED_BYTES, 64 * MIB)
        destination = min(max(free // 8, 32 * MIB), 1024 * MIB)
        readers = 8 if free >= 256 * MIB else 6
        batch_bytes = max(min((free - destination) // (3 * readers), 8 * MIB), MIB)
        # Decoded rows of a thousand still fit the processor's cache; larger batches cost more.
        batch_rows = max(min(1_000, batch_bytes // 1_500), 500)
        return Budget(
            batch_rows=_COLUMNAR_BATCH if columnar else batch_rows,
            batch_bytes=batch_bytes,
            # Four of DuckDB's row groups. Rows of 120 bytes fill the bytes at that number.
            package_rows=8 * _PACKAGE_ROWS if columnar else _PACKAGE_ROWS,
            # Rows show early; and each load of a merge reads the keys of the whole table.
            first_rows=_FIRST_ROWS if columnar else _PACKAGE_ROWS,
            package_bytes=destination,
            readers=readers,
            destination_bytes=destination,
        )
