"""What a database driver raises, in our words."""

from __future__ import annotations

import errno
import sqlite3

import sqlalchemy as sa

from penstock.core.errors import (
    AuthError,
    ConfigError,
    InternalError,
    PenstockError,
    TransientError,
)


def translate(error: BaseException, place: str) -> PenstockError:
    """The same failure as an error of ours; `place` names the catalog without its password."""
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
    if isinstance(cause, sqlite3.Error):
        return _sqlite(cause, place)
    if isinstance(cause, sa.exc.TimeoutError):
        return _busy(place)
    if isinstance(cause, OSError):
        return _disk_full(place) if cause.errno == errno.ENOSPC else _not_writable(place)
    return _postgres(cause, str(getattr(cause, "sqlstate", None) or ""), place)


def _sqlite(cause: sqlite3.Error, place: str) -> PenstockError:
    detail = getattr(cause, "sqlite_errorcode", 0)
    code = detail & 0xFF
    # The index of the log is memory that is mapped: with no room for it comes a code of its own.
    if code == sqlite3.SQLITE_FULL or detail == sqlite3.SQLITE_IOERR_SHMSIZE:
        return _disk_full(place)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return ConfigError(
            "The catalog file is damaged.",
            hint="Put back a backup of this file, or move it away to start with an empty catalog; "
            "tables with a key stay right, since reloaded rows are merged.",
            code="catalog.damaged",
            catalog=place,
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return _busy(place)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return _not_writable(place)
    if code == sqlite3.SQLITE_IOERR:
        return TransientError(
            f"The disk failed while the catalog was in use: {cause}",
            hint="Check the disk and its free space, then run again.",
            code="catalog.disk_error",
            catalog=place,
        )
    return _unexpected(cause, place)


def _postgres(cause: BaseException, state: str, place: str) -> PenstockError:
    if state == "53100":
        return _disk_full(place)
    # A refused connection carries no state: there the server's own words must do.
    words = str(cause) if not state else ""
    login = ("authentication failed", "no password supplied", 'FATAL:  role "')
    if state.startswith("28") or any(sign in words for sign in login):
        return AuthError(
            "The catalog's server refused the login.",
            hint="Check user and password in the setting state.catalog.",
            code="catalog.login",
            catalog=place,
        )
    if state in ("3D000", "3F000", "42501") or 'FATAL:  database "' in words:
        return ConfigError(
            f"The catalog cannot be used: {cause}",
            hint="Create the database, or grant its user the right to create tables in it.",
            code="catalog.no_database",
            catalog=place,
        )
    if state in ("40001", "40P01", "55P03", "53300"):
        return _busy(place)
    # Without a state the connection itself failed or broke.
    if state.startswith(("08", "57P")) or (not state and _is_operational(cause)):
        return TransientError(
            "The catalog's server cannot be reached.",
            hint="Check that it runs and accepts connections, then run again.",
            code="catalog.unreachable",
            catalog=place,
        )
    return _unexpected(cause, place)


def _is_operational(cause: BaseException) -> bool:
    # By name, so that no driver is imported just to look at its errors.
    return any(kind.__name__ == "OperationalError" for kind in type(cause).__mro__)


def _disk_full(place: str) -> PenstockError:
    return TransientError(
        "The disk of the catalog is full.",
        hint="Free some space and run again: nothing that was saved is lost.",
        code="catalog.disk_full",
        catalog=place,
    )


def _not_writable(place: str) -> PenstockError:
    return ConfigError(
        "The catalog file cannot be opened for writing.",
        hint="Check who owns the file and its folder, and that the disk is not read-only.",
        code="catalog.not_writable",
        catalog=place,
    )


def _busy(place: str) -> PenstockError:
    return TransientError(
        "The catalog was busy for too long.",
        hint="Run again; if it stays busy, look for a process that does not end.",
        code="catalog.busy",
        catalog=place,
    )


def _unexpected(cause: BaseException, place: str) -> PenstockError:
    return InternalError(
        f"The catalog refused a statement: {type(cause).__name__}: {cause}",
        hint="Please report this with the log file.",
        code="catalog.unexpected",
        catalog=place,
    )
