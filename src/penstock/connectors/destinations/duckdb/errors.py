"""What DuckDB's errors mean for the user."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from penstock.core.errors import (
    ConfigError,
    DataError,
    InternalError,
    NoRoom,
    PenstockError,
    SchemaConflict,
    TransientError,
)

_HOLDER = re.compile(r"PID (\d+)")
_NO_ROOM = re.compile(r"(could not allocate|failed to (pin|allocate)) block")


def translate(error: duckdb.Error | OSError, path: Path) -> PenstockError | None:
    """Our error for one of DuckDB's; None when it is a defect of ours."""
    text = str(error)
    if (
        "Could not set lock" in text
        or "Conflicting lock" in text
        or "different configuration" in text
        or "Unique file handle conflict" in text
    ):
        return _locked(text, path)
    if "No space left" in text or "disk is full" in text.lower():
        return TransientError(
            "The disk that holds the DuckDB file is full.",
            hint="Free some space and run again; nothing is lost.",
            code="destination.disk_full",
            path=path,
        )
    if isinstance(error, duckdb.OutOfMemoryException) or _NO_ROOM.search(text):
        return NoRoom(
            "DuckDB cannot do this load in the memory it may use.",
            hint="Raise PENSTOCK_MEMORY, or memory_limit of the destination.",
            path=path,
        )
    if isinstance(error, duckdb.ConstraintException):
        code = "NOT_NULL_VIOLATION" if "NOT NULL" in text else "CONSTRAINT_VIOLATION"
        return DataError(_first_line(text), code=code)
    if isinstance(error, duckdb.OutOfRangeException):
        return DataError(_first_line(text), code="NUMERIC_OUT_OF_RANGE")
    if isinstance(error, duckdb.ConversionException):
        return DataError(_first_line(text), code="INCOMPATIBLE_TYPE")
    if isinstance(error, duckdb.TransactionException):
        return TransientError(_first_line(text), code="destination.conflict", path=path)
    if isinstance(error, duckdb.CatalogException) and "does not exist" in text:
        return SchemaConflict(
            f"A table or column is gone: {_first_line(text)}",
            hint="Run again: it is made anew.",
            code="schema.table_missing",
        )
    if isinstance(error, duckdb.IOException | duckdb.SerializationException | OSError):
        return _unusable(text, path)
    return None


def _locked(text: str, path: Path) -> TransientError:
    holder = _HOLDER.search(text)
    who = f"process {holder[1]}" if holder else "another process"
    return TransientError(
        f"The DuckDB file is held by {who}.",
        hint="Close the program that has it open (a notebook, a shell, a dashboard); run again.",
        code="destination.locked",
        path=path,
    )


def _unusable(text: str, path: Path) -> ConfigError:
    if "not a valid DuckDB" in text:
        message = "The file is not a DuckDB database."
        hint = "Name another file in the destination's `path`."
    else:
        message = f"The DuckDB file cannot be used: {_first_line(text)}"
        hint = "Check that its folder exists and that you may write there."
    return ConfigError(message, hint=hint, code="destination.file", path=path)


def _first_line(text: str) -> str:
    return text.splitlines()[0][:300] if text else "no reason given"


def unexpected(error: BaseException) -> InternalError:
    """For what `translate` does not know."""
    return InternalError(
        f"DuckDB said something we did not expect: {_first_line(str(error))}",
        hint="Please report this with the log file.",
        code="destination.unexpected",
    )
