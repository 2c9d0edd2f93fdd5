"""What PostgreSQL's errors mean for the user of a source."""

from __future__ import annotations

import re
from typing import Final

import psycopg2

from penstock.core.errors import (
    InternalError,
    ObjectFailed,
    PenstockError,
    TransientError,
    Unavailable,
)
from penstock.sdk.sql.refused import Refused, first_line, postgres_refused

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_LATER: Final = {
    "40001": "The server took the rows away for its own replay (a conflict with recovery).",
    "55P03": "Another session holds the table.",
    "57014": "A statement took longer than the server or `statement_timeout` allows.",
    "57P01": "The server is being stopped, or ended this session.",
    "57P02": "The server crashed and is starting again.",
    "57P03": "The server is starting or stopping.",
    "57P05": "The server ended the session because it was idle.",
    "53300": "The server has no connection left.",
    "53200": "The server has no memory left.",
    "53100": "The server has no disk left for sorting.",
    "53400": "The server has reached a limit of its configuration.",
}
_GONE: Final = {
    "42P01": "The table is gone",
    "42703": "A column is gone",
    "3F000": "The schema is gone",
}


def translate(error: psycopg2.Error, identity: str, user: str) -> PenstockError:
    """Our error for one that a statement raised."""
    state = error.pgcode or ""
    text = _said(error)
    if state in _LATER or state.startswith("08") or not state:
        return TransientError(
            f"{_LATER.get(state, 'The connection was lost.')} ({text})",
            hint="Run again: reading goes on from where it was.",
            code="source.unreachable",
            source=identity,
        )
    if state == "42501":
        return Unavailable(
            f"The user {user} lacks a right: {text}.",
            hint=f"Let an administrator run: {_grant(text, user)}",
            code="source.rights",
            source=identity,
        )
    if state in _GONE:
        return ObjectFailed(
            f"{_GONE[state]}: {text}.",
            hint="Run again: the catalogue is read anew.",
            code="source.object_gone",
            source=identity,
        )
    # Data, external routines and functions that raise: views and generated values can.
    if state.startswith(("22", "38", "P0", "42", "0A", "54")):
        return ObjectFailed(
            f"The server cannot read the object: {text}.",
            hint="Run the statement by hand to see more; a view or a function of it may fail.",
            code="source.statement",
            source=identity,
        )
    return InternalError(
        f"PostgreSQL said something we did not expect: {text} ({state})",
        hint="Please report this with the log file.",
        code="source.unexpected",
        source=identity,
    )


def translate_connect(error: Exception, identity: str, user: str, database: str) -> PenstockError:
    """Our error for one that connecting raised."""
    return postgres_refused(error, Refused("source", identity, user), database)


def _grant(text: str, user: str) -> str:
    if found := re.search(r"for schema (\S+)", text):
        return f'GRANT USAGE ON SCHEMA "{found[1]}" TO "{user}";'
    found = re.search(r"for (?:table|relation|view) (\S+)", text)
    return f'GRANT SELECT ON "{found[1]}" TO "{user}";' if found else f'GRANT ... TO "{user}";'


def _said(error: psycopg2.Error) -> str:
    # Details may hold whole rows: the first line is enough.
    primary: str | None = error.diag.message_primary
    return primary or first_line(str(error))
