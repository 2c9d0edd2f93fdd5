"""What errors of MySQL and MariaDB mean for the user of a source."""

from __future__ import annotations

import re
import ssl
from typing import Final

import pymysql

from penstock.core.errors import (
    InternalError,
    ObjectFailed,
    PenstockError,
    TransientError,
    Unavailable,
)
from penstock.sdk.sql.refused import Refused, first_line

# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and, from 1900 and
# 4000 on, https://mariadb.com/kb/en/mariadb-error-code-reference/
_LATER: Final = {
    1037: "The server has no memory left.",
    1038: "The server has no memory left for sorting.",
    1040: "The server has no connection left.",
    1041: "The server has no memory left.",
    1053: "The server is being stopped.",
    1129: "The server refuses this machine after too many failed connections.",
    1203: "The user has no connection left.",
    1205: "Another session holds the table.",
    1213: "Another session and this one waited for each other.",
    1226: "The user has reached a limit of the server.",
    1317: "The statement was ended by somebody.",
    1412: "Another session changed the table at the same moment.",
    1927: "The server ended this session.",
    1969: "A statement took longer than the server or `statement_timeout` allows.",
    3024: "A statement took longer than the server or `statement_timeout` allows.",
    4031: "The server ended the session because it was idle.",
}
_RIGHTS: Final = {1044, 1142, 1143, 1227, 1370}
_GONE: Final = {
    1049: "The database is gone",
    1054: "A column is gone",
    1146: "The table is gone",
    1356: "The view refers to something that is gone or not allowed",
}
_NO_LOGIN: Final = {1045, 1698, 1251, 2059, 1862, 1820, 4151}
_TLS: Final = {2026, 3159}


def code_of(error: Exception) -> int:
    """The server's or driver's number; 0 where there is none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def translate(error: pymysql.Error, identity: str, user: str) -> PenstockError:
    """Our error for one that a statement raised."""
    code, text = code_of(error), _said(error)
    lost = isinstance(error, pymysql.InterfaceError) or 2000 <= code < 3000
    if code in _LATER or lost:
        return TransientError(
            f"{_LATER.get(code, 'The connection was lost.')} ({text})",
            hint="Run again: reading goes on from where it was.",
            code="source.unreachable",
            source=identity,
        )
    if code in _RIGHTS:
        return Unavailable(
            f"The user {user} lacks a right: {text}.",
            hint=f"Let an administrator run: {_grant(text, user)}",
            code="source.rights",
            source=identity,
        )
    if code in _GONE:
        return ObjectFailed(
            f"{_GONE[code]}: {text}.",
            hint="Run again: the catalogue is read anew.",
            code="source.object_gone",
            source=identity,
        )
    if code:
        # Functions that raise, broken views, damaged tables, statements past a limit.
        return ObjectFailed(
            f"The server cannot read the object: {text} ({code}).",
            hint="Run the statement by hand to see more; a view or a function of it may fail.",
            code="source.statement",
            source=identity,
        )
    return InternalError(
        f"The driver said something we did not expect: {text}",
        hint="Please report this with the log file.",
        code="source.unexpected",
        source=identity,
    )


def translate_connect(error: Exception, identity: str, user: str) -> PenstockError:
    """Our error for one that connecting raised."""
    code, text = code_of(error), _said(error)
    refused = Refused("source", identity, user)
    if code in _NO_LOGIN:
        return refused.login(text, "from where the user may come")
    if code == 1049:
        found = re.search("database '(.+)'", text)
        return refused.database(found[1] if found else "of that name")
    if code == 1044:
        return refused.rights(
            f"The user {user} may not use the database: {text}", _grant(text, user)
        )
    inner = getattr(error, "original_exception", None) or error
    if code in _TLS or isinstance(inner, ssl.SSLError | FileNotFoundError):
        return refused.tls(text)
    return refused.unreachable(text)


def _grant(text: str, user: str) -> str:
    if found := re.search(r"for table [`'](.+?)[`']", text):
        table = found[1].replace("`.`", ".").replace(".", "`.`")
        return f"GRANT SELECT ON `{table}` TO '{user}'@'...';"
    if found := re.search(r"to database '(.+?)'", text):
        return f"GRANT SELECT ON `{found[1]}`.* TO '{user}'@'...';"
    return f"GRANT SELECT ON *.* TO '{user}'@'...';"


def _said(error: Exception) -> str:
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    return first_line(text)
