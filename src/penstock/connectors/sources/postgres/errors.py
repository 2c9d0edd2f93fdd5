"""What PostgreSQL's errors mean for the user of a source."""

from __future__ import annotations

import re
from typing import Final

import psycopg2

from penstock.core.errors import (
    AuthError,
    ConfigError,
    InternalError,
    ObjectFailed,
    PenstockError,
    TransientError,
    Unavailable,
)

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
_NO_LOGIN: Final = (
    r"password authentication failed|no password supplied|pg_hba\.conf|"
    r"role .* does not exist|not permitted to log in|authentication failed"
)
_NO_TLS: Final = r"SSL|certificate|sslmode|root\.crt"


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
    """Our error for one that connecting raised: the driver gives a text only."""
    whole = str(error)
    text = _first_line(whole)
    if re.search(_NO_LOGIN, whole):
        return AuthError(
            f"The server does not let {user} in: {text}",
            hint="Check user, password and TLS settings, and the server's pg_hba.conf.",
            code="source.auth",
            source=identity,
        )
    if re.search(r"database .* does not exist", whole):
        return ConfigError(
            f"There is no database {database}.",
            hint="Name another one in the source's `database`.",
            code="source.no_database",
            source=identity,
        )
    if "permission denied for database" in whole:
        return AuthError(
            f"The user {user} may not connect to the database {database}.",
            hint=f'Let an administrator run: GRANT CONNECT ON DATABASE "{database}" TO "{user}";',
            code="source.rights",
            source=identity,
        )
    if re.search(_NO_TLS, whole):
        return ConfigError(
            f"TLS to the server failed: {text}",
            hint="Check `sslmode`, `sslrootcert`, `sslcert` and `sslkey`.",
            code="source.tls",
            source=identity,
        )
    return TransientError(
        f"The server cannot be reached. ({text})",
        hint="Run again later; `penstock check` names the step that fails.",
        code="source.unreachable",
        source=identity,
    )


def _grant(text: str, user: str) -> str:
    if found := re.search(r"for schema (\S+)", text):
        return f'GRANT USAGE ON SCHEMA "{found[1]}" TO "{user}";'
    found = re.search(r"for (?:table|relation|view) (\S+)", text)
    return f'GRANT SELECT ON "{found[1]}" TO "{user}";' if found else f'GRANT ... TO "{user}";'


def _said(error: psycopg2.Error) -> str:
    # Details may hold whole rows: the first line is enough.
    primary: str | None = error.diag.message_primary
    return primary or _first_line(str(error))


def _first_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0].strip()[:300] if lines else "no reason given"
