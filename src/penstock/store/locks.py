"""One writer per pipeline: a lock that ends with its holder, however that dies."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from penstock.store.engine import Database

# A session's name has 63 bytes: https://www.postgresql.org/docs/current/runtime-config-logging.html
HOST_LENGTH: Final = 40
_SESSION: Final = re.compile(r"penstock (\d+)@(.*)")
# The two halves of a key: https://www.postgresql.org/docs/current/view-pg-locks.html
_HOLDER: Final = """
SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND ((CAST(l.classid AS bigint) << 32) | CAST(l.objid AS bigint)) = :key
"""


def _session_name() -> str:
    return f"penstock {os.getpid()}@{platform.node()[:HOST_LENGTH]}"


@contextmanager
def wait_for_file(path: Path) -> Iterator[None]:
    """Hold the lock of this file, waiting for it as long as it takes."""
    handle = _open(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class FileLock:
    """`flock` on a file: the kernel frees it when the holder dies. The file itself stays."""

    def __init__(self, folder: Path, name: str) -> None:
        digest = hashlib.sha256(name.encode()).hexdigest()
        self._path = folder / "locks" / f"{digest[:32]}.lock"
        self._handle: int | None = None

    def take(self) -> bool:
        handle = _open(self._path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        self.tell("")
        return True

    def tell(self, job: str) -> None:
        if self._handle is not None:
            note = json.dumps({"pid": os.getpid(), "job": job}).encode()
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, note, 0)

    def holder(self) -> dict[str, Any]:
        """What the present holder told: pid and job; empty in the instant before it did."""
        try:
            note = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class AdvisoryLock:
    """A session's advisory lock: the server frees it when the connection ends.

    It needs a session of its own, so it does not work through a pooler in transaction mode.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        digest = hashlib.sha256(f"penstock:pipeline:{name}".encode()).digest()
        self._key = int.from_bytes(digest[:8], "big", signed=True)
        self._connection: sa.Connection | None = None

    def take(self) -> bool:
        connection = self._database.session()
        # Before the lock: whoever finds it taken may look at once who has it.
        name = sa.func.set_config("application_name", _session_name(), False)
        attempt = sa.select(sa.func.pg_try_advisory_lock(self._key))
        with self._database.in_our_words():
            connection.execute(sa.select(name))
            if connection.execute(attempt).scalar_one():
                self._connection = connection
                return True
        connection.close()
        return False

    def tell(self, job: str) -> None:
        """The job's row says it already."""

    def holder(self) -> dict[str, Any]:
        """Process and host of the session that has the lock; empty where rights hide its name."""
        with self._database.read() as connection:
            name = connection.execute(sa.text(_HOLDER), {"key": self._key}).scalar()
        found = _SESSION.fullmatch(name or "")
        return {"pid": int(found[1]), "host": found[2]} if found else {}

    def release(self) -> None:
        if self._connection is None:
            return
        try:
            self._connection.execute(sa.select(sa.func.pg_advisory_unlock(self._key)))
        except sa.exc.DBAPIError:
            pass  # the session has ended, and its locks with it
        finally:
            # Never back to the pool: whatever happened above, the lock ends with its session.
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


def pipeline_lock(database: Database, name: str) -> FileLock | AdvisoryLock:
    path = database.place.path
    return FileLock(path.parent, name) if path is not None else AdvisoryLock(database, name)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
