"""What the server's answers mean for somebody who follows its log."""

from __future__ import annotations

import re
from typing import Final

import psycopg

from penstock.connectors.sources.postgres.errors import translate_connect
from penstock.core.errors import (
    AuthError,
    ConfigError,
    InternalError,
    PenstockError,
    TransientError,
)

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_UNREACHABLE: Final = ("08", "57", "53")
_NO_SENDER: Final = r"start wal ?sender"


def is_lost_connection(error: Exception) -> bool:
    """Whether connecting again may help: the network, a restart, a server without room."""
    if isinstance(error, ConnectionError):
        return True
    if not isinstance(error, psycopg.Error):
        return False
    state = error.sqlstate or ""
    if not state:
        return isinstance(error, psycopg.OperationalError)
    return state.startswith(_UNREACHABLE)


def translate(error: Exception, user: str, where: str) -> PenstockError:
    """Our error for one that the log's connections raised.

    Args:
        where: which database it is, without secrets.
    """
    text = said(error)
    state = getattr(error, "sqlstate", None) or ""
    if state == "42501" or re.search(_NO_SENDER, str(error), re.IGNORECASE):
        return AuthError(
            f"The user {user} may not read the log: {text}.",
            hint=f'Let an administrator run: ALTER ROLE "{user}" REPLICATION; '
            f'(on Amazon RDS: GRANT rds_replication TO "{user}";)',
            code="source.replication_rights",
            source=where,
        )
    if isinstance(error, psycopg.OperationalError) and not state:
        # Of a login that fails the driver gives a text only.
        return translate_connect(error, where, user, where.rpartition("/")[2])
    if is_lost_connection(error):
        return TransientError(
            f"The server's log cannot be reached. ({text})",
            hint="Run again: reading goes on from where it was.",
            code="source.unreachable",
            source=where,
        )
    if state == "55000" and "wal_level" in text:
        return ConfigError(
            f"The server does not write a log that can be followed: {text}.",
            hint="Set wal_level = logical, and restart the server.",
            code="source.wal_level",
            source=where,
        )
    if state == "42704" and "publication" in text:
        return ConfigError(
            f"The log cannot be read on: {text}. A publication that was dropped and made again "
            "is not there for what was changed before.",
            hint="Read everything again with `penstock run PIPELINE --full-refresh`.",
            code="source.publication",
            source=where,
        )
    return InternalError(
        f"PostgreSQL said something about its log that we did not expect: {text} ({state})",
        hint="Please report this with the log file.",
        code="source.unexpected",
        source=where,
    )


def said(error: Exception) -> str:
    # Details may hold whole rows: the first line is enough.
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    lines = [line for line in str(error).splitlines() if line.strip()]
    return primary or (lines[0].strip()[:300] if lines else "no reason given")
