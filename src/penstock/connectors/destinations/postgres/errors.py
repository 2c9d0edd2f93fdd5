"""What PostgreSQL's errors mean for the user."""

from __future__ import annotations

import re
from typing import Final

import psycopg

from penstock.core.errors import (
    ConfigError,
    DataError,
    InternalError,
    PenstockError,
    SchemaConflict,
    TransientError,
)
from penstock.core.metadata import LEDGER
from penstock.sdk.sql.refused import Refused, first_line, postgres_refused

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_ROW_CODES: Final = {
    "22003": "NUMERIC_OUT_OF_RANGE",
    "22008": "NUMERIC_OUT_OF_RANGE",
    "22001": "VALUE_TOO_LONG",
    "54000": "VALUE_TOO_LONG",
    "54011": "VALUE_TOO_LONG",
    "23502": "NOT_NULL_VIOLATION",
}
_BUSY: Final = {
    "40001": "Another session changed the same rows at the same moment.",
    "40P01": "Another session and this one waited for each other.",
    "55P03": "Another session holds the table.",
    "55006": "Another session uses the table.",
    "42P06": "Another session made the schema at the same moment.",
    "42P07": "Another session made the table at the same moment.",
    "42701": "Another session made the column at the same moment.",
    "57014": "A statement took longer than the server or `statement_timeout` allows.",
}
_AWAY: Final = {
    "57P01": "The server is being stopped, or ended this session.",
    "57P02": "The server crashed and is starting again.",
    "57P03": "The server is starting or stopping.",
    "57P05": "The server ended the session because it was idle.",
    "25P03": "The server ended the session because its transaction was idle.",
    "25006": "The server takes no changes now: it is a standby or set to read only.",
    "53300": "The server has no connection left.",
    "53200": "The server has no memory left.",
    "53400": "The server has reached a limit of its configuration.",
}
_FULL: Final = {"53100", "58030"}
_GONE: Final = {"42P01", "42703", "3F000"}


def translate(error: psycopg.Error, identity: str, user: str, schema: str) -> PenstockError:
    """Our error for one that a statement raised."""
    state = error.sqlstate or ""
    text = _said(error)
    if state == "23505" and error.diag.table_name == LEDGER:
        return TransientError(
            "The same load was written by another process at this moment.",
            hint="Run again: what is there already is found.",
            code="destination.busy",
            destination=identity,
        )
    if state == "23505" and error.diag.schema_name == "pg_catalog":
        return _busy("Another session made the same table at the same moment.", text, identity)
    if state in _FULL:
        return TransientError(
            f"The server cannot write: {text}",
            hint="Free some space there and run again; nothing is lost.",
            code="destination.disk_full",
            destination=identity,
        )
    if state in _BUSY:
        return _busy(_BUSY[state], text, identity)
    if state in _AWAY or state.startswith("08") or _is_lost(error):
        what = _AWAY.get(state, "The connection was lost.")
        return Refused("destination", identity, user).unreachable(text, what)
    if state == "42501":
        return _not_allowed(text, user, schema, identity)
    if state in _GONE:
        return SchemaConflict(
            f"A table or column is gone: {text}",
            hint="Run again: it is made anew.",
            code="schema.table_missing",
            destination=identity,
        )
    if state in _ROW_CODES:
        return DataError(text, code=_ROW_CODES[state])
    if state.startswith("22"):
        return DataError(text, code="INCOMPATIBLE_TYPE")
    # P0 and 38 are raised by triggers, 44 by views with a check.
    if state.startswith(("23", "P0", "38", "44")):
        return DataError(text, code="CONSTRAINT_VIOLATION")
    return _refused(error, text, identity)


def translate_connect(
    error: psycopg.Error, identity: str, user: str, database: str
) -> PenstockError:
    """Our error for one that connecting raised."""
    return postgres_refused(error, Refused("destination", identity, user), database)


def _busy(what: str, text: str, identity: str) -> TransientError:
    return TransientError(
        f"{what} ({text})",
        hint="Run again when it is done; nothing is lost.",
        code="destination.busy",
        destination=identity,
    )


def _not_allowed(text: str, user: str, schema: str, identity: str) -> ConfigError:
    if "for schema" in text:
        grant = f'GRANT USAGE, CREATE ON SCHEMA "{schema}" TO "{user}";'
    elif "for database" in text:
        database = identity.rpartition("#")[0].rpartition("/")[2]
        grant = (
            f'GRANT CREATE ON DATABASE "{database}" TO "{user}"; or create the schema "{schema}".'
        )
    elif "temporary" in text:
        database = identity.rpartition("#")[0].rpartition("/")[2]
        grant = f'GRANT TEMPORARY ON DATABASE "{database}" TO "{user}";'
    elif found := re.search(r"must be owner of \S+ (\S+)", text):
        grant = f'ALTER TABLE "{schema}"."{found[1]}" OWNER TO "{user}";'
    else:
        name = re.search(r"for (?:table|relation) (\S+)", text)
        table = f'"{schema}"."{name[1]}"' if name else f'ALL TABLES IN SCHEMA "{schema}"'
        grant = f'GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO "{user}";'
    return ConfigError(
        f"The user {user} lacks a right: {text}.",
        hint=f"Let an administrator run: {grant}",
        code="destination.rights",
        destination=identity,
    )


def _refused(error: psycopg.Error, text: str, identity: str) -> PenstockError:
    if error.sqlstate in ("0A000", "2BP01"):
        # Names the views; these details hold no rows.
        detail = error.diag.message_detail
        return ConfigError(
            f"The server cannot change the table: {text}{f' ({detail})' if detail else ''}",
            hint="Something depends on it (a view, a rule): drop that, run, and create it again.",
            code="destination.depends",
            destination=identity,
        )
    return InternalError(
        f"PostgreSQL said something we did not expect: {text} ({error.sqlstate})",
        hint="Please report this with the log file.",
        code="destination.unexpected",
        destination=identity,
    )


def _is_lost(error: psycopg.Error) -> bool:
    """The driver noticed the end of the connection by itself: there is no code then."""
    return error.sqlstate is None and isinstance(
        error, psycopg.OperationalError | psycopg.InterfaceError
    )


def _said(error: psycopg.Error) -> str:
    diag = error.diag
    text = diag.message_primary or first_line(str(error))
    # Details may hold whole rows; the place is enough.
    if diag.context and (found := re.match(r"COPY \S+, line \d+, column ([^:]+)", diag.context)):
        return f"{text} (column {found[1]})"
    return text
