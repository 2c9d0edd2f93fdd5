"""What errors of MySQL and MariaDB mean for the user."""

from __future__ import annotations

import re
import ssl
from typing import Final

import pymysql

from penstock.core.errors import (
    ConfigError,
    DataError,
    InternalError,
    PenstockError,
    SchemaConflict,
    TransientError,
)
from penstock.core.metadata import LEDGER
from penstock.sdk.sql.refused import Refused, first_line

# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and, from 1900 and
# 4000 on, https://mariadb.com/kb/en/mariadb-error-code-reference/
ROW_CODES: Final = {
    1048: "NOT_NULL_VIOLATION",
    1364: "NOT_NULL_VIOLATION",
    1263: "NOT_NULL_VIOLATION",
    1264: "NUMERIC_OUT_OF_RANGE",
    1690: "NUMERIC_OUT_OF_RANGE",
    1916: "NUMERIC_OUT_OF_RANGE",
    1406: "VALUE_TOO_LONG",
    1118: "VALUE_TOO_LONG",
    1153: "VALUE_TOO_LONG",
    1301: "VALUE_TOO_LONG",
    1265: "INCOMPATIBLE_TYPE",
    1292: "INCOMPATIBLE_TYPE",
    1366: "INCOMPATIBLE_TYPE",
    1367: "INCOMPATIBLE_TYPE",
    1411: "INCOMPATIBLE_TYPE",
    1416: "INCOMPATIBLE_TYPE",
    3140: "INCOMPATIBLE_TYPE",
    3141: "INCOMPATIBLE_TYPE",
    3854: "INCOMPATIBLE_TYPE",
    4038: "INCOMPATIBLE_TYPE",
    1062: "CONSTRAINT_VIOLATION",
    1216: "CONSTRAINT_VIOLATION",
    1451: "CONSTRAINT_VIOLATION",
    1452: "CONSTRAINT_VIOLATION",
    1369: "CONSTRAINT_VIOLATION",
    1644: "CONSTRAINT_VIOLATION",
    3819: "CONSTRAINT_VIOLATION",
    4025: "CONSTRAINT_VIOLATION",
}
_BUSY: Final = {
    1205: "Another session holds the table or its rows.",
    1213: "Another session and this one waited for each other.",
    1020: "Another session changed the same rows at the same moment.",
    1050: "Another session made the table at the same moment.",
    1060: "Another session made the column at the same moment.",
    1061: "Another session made the index at the same moment.",
    1317: "The statement was ended by somebody.",
    1412: "Another session changed the table at the same moment.",
    1969: "A statement took longer than the server or `statement_timeout` allows.",
    3024: "A statement took longer than the server allows.",
    3572: "Another session holds the rows.",
}
_AWAY: Final = {
    1037: "The server has no memory left.",
    1040: "The server has no connection left.",
    1041: "The server has no memory left.",
    1053: "The server is being stopped.",
    1129: "The server refuses this machine after too many failed connections.",
    1203: "The user has no connection left.",
    1226: "The user has reached a limit of the server.",
    1290: "The server takes no changes now: it is a replica or set to read only.",
    1792: "The server takes no changes now: it is set to read only.",
    1836: "The server takes no changes now: it is set to read only.",
    1927: "The server ended this session.",
    2003: "The server cannot be reached.",
    2006: "The connection was lost.",
    2013: "The connection was lost.",
    2014: "The connection was lost.",
    2055: "The connection was lost.",
    4031: "The server ended the session because it was idle.",
}
_FULL: Final = {3, 28, 1021, 1026, 1114, 1030}
_GONE: Final = {1051, 1054, 1091, 1146}
_RIGHTS: Final = {1044, 1142, 1143, 1227, 1370, 1410}
NO_LOCAL: Final = {1148, 3948, 3950, 4166}
"""LOAD DATA LOCAL is switched off on the server."""


def code_of(error: pymysql.Error) -> int:
    """The server's or driver's number; 0 where there is none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def translate(error: pymysql.Error, identity: str, user: str) -> PenstockError:
    """Our error for one that a statement raised."""
    code, text = code_of(error), said(error)
    if code == 1062 and LEDGER in text:
        return TransientError(
            "The same load was written by another process at this moment.",
            hint="Run again: what is there already is found.",
            code="destination.busy",
            destination=identity,
        )
    if code in _FULL:
        return TransientError(
            f"The server cannot write: {text}",
            hint="Free some space there and run again; nothing is lost.",
            code="destination.disk_full",
            destination=identity,
        )
    if code in _BUSY:
        return _busy(_BUSY[code], text, identity)
    if code in _AWAY or isinstance(error, pymysql.InterfaceError) or 2000 <= code < 3000:
        what = _AWAY.get(code, "The connection was lost.")
        return Refused("destination", identity, user).unreachable(text, what)
    if code in _RIGHTS:
        return _not_allowed(text, user, identity)
    if code in _GONE:
        return SchemaConflict(
            f"A table or column is gone: {text}",
            hint="Run again: it is made anew.",
            code="schema.table_missing",
            destination=identity,
        )
    if code in ROW_CODES:
        return DataError(text, code=ROW_CODES[code])
    return InternalError(
        f"The server said something we did not expect: {text} ({code})",
        hint="Please report this with the log file.",
        code="destination.unexpected",
        destination=identity,
    )


def refused_value(code: int, text: str) -> DataError:
    """Our error for a warning of LOAD DATA LOCAL, which stands for an error in a value."""
    if code == 1265 and "truncated for column" in text:
        # Text that is cut; a number or word that is none is told by another code.
        return DataError(_without_values(text), code="VALUE_TOO_LONG")
    return DataError(_without_values(text), code=ROW_CODES.get(code, "INCOMPATIBLE_TYPE"))


def translate_connect(
    error: pymysql.Error | OSError, identity: str, user: str, database: str
) -> PenstockError:
    """Our error for one that connecting raised."""
    code = code_of(error) if isinstance(error, pymysql.Error) else 0
    text = said(error)
    refused = Refused("destination", identity, user)
    if code in (1045, 1698, 1251, 2059, 1862, 1820, 4151):
        return refused.login(text, "from where the user may come")
    if code == 1049:
        return refused.database(database)
    if code == 1044:
        return _not_allowed(text, user, identity)
    if _is_tls(error, text):
        return refused.tls(text)
    return refused.unreachable(text)


def _is_tls(error: Exception, text: str) -> bool:
    inner = getattr(error, "original_exception", None) or error
    if isinstance(inner, ssl.SSLError | FileNotFoundError):
        return True
    return code_of(error) in (2026, 3159) if isinstance(error, pymysql.Error) else "SSL" in text


def _busy(what: str, text: str, identity: str) -> TransientError:
    return TransientError(
        f"{what} ({text})",
        hint="Run again when it is done; nothing is lost.",
        code="destination.busy",
        destination=identity,
    )


def _not_allowed(text: str, user: str, identity: str) -> ConfigError:
    database = identity.rpartition("/")[2]
    rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, CREATE TEMPORARY TABLES"
    return ConfigError(
        f"The user {user} lacks a right: {text}.",
        hint=f"Let an administrator run: GRANT {rights} ON `{database}`.* TO '{user}'@'...';",
        code="destination.rights",
        destination=identity,
    )


def said(error: Exception) -> str:
    """The server's or driver's sentence, without values of rows."""
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    return _without_values(first_line(text))


def _without_values(text: str) -> str:
    """Messages that hold a value hold it in quotes before the words that name its column."""
    text = re.sub(r"(Duplicate entry) '.*' (for key)", r"\1 \2", text)
    return re.sub(r"((?:Incorrect|Truncated incorrect) \w+ value): '.*'", r"\1", text)
