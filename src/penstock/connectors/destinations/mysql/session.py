"""What every session of ours is set to."""

from __future__ import annotations

from contextlib import suppress

import pymysql

from penstock.connectors.destinations.mysql.config import Config
from penstock.connectors.destinations.mysql.connection import RowsConnection
from penstock.core.errors import ConfigError

# Values that do not fit are refused; "names" are quoted as elsewhere; || joins texts.
_SQL_MODE = (
    "ANSI_QUOTES,PIPES_AS_CONCAT,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)
# Of MySQL the first with the collation.
_OLDEST = {True: (10, 4), False: (8, 0, 17)}


def is_maria(connection: RowsConnection) -> bool:
    return "MariaDB" in connection.version


def check_version(connection: RowsConnection, identity: str) -> None:
    """Raises `ConfigError` for a server without window functions and exact collations."""
    said = connection.version
    oldest = _OLDEST[is_maria(connection)]
    # Old clients are told 5.5.5- before the version of MariaDB.
    numbers = said.removeprefix("5.5.5-").partition("-")[0].split(".")
    if tuple(int(number) for number in numbers if number.isdigit()) < oldest:
        raise ConfigError(
            f"The server's version is {said}, which is too old.",
            hint="MySQL 8.0.17 or MariaDB 10.4, or later, is needed.",
            code="destination.version",
            destination=identity,
        )


def set_up(connection: RowsConnection, config: Config, collation: str) -> None:
    """Strict, in UTC, with transactions that read what is committed."""
    maria = is_maria(connection)
    settings = {
        "sql_mode": f"'{_SQL_MODE}'",
        "time_zone": "'+00:00'",
        "autocommit": "0",
        "innodb_lock_wait_timeout": str(config.lock_timeout),
        "lock_wait_timeout": str(config.lock_timeout),
        # A session that lost its client is ended, with its locks.
        "wait_timeout": "28800",
    }
    if maria:
        settings["max_statement_time"] = str(config.statement_timeout)
    connection.query(f"SET NAMES utf8mb4 COLLATE {collation}")
    done = ", ".join(f"SESSION {name} = {value}" for name, value in settings.items())
    connection.query(f"SET {done}")
    if not _logs_statements(connection):
        # Reading other tables takes no locks then. A log of statements would not allow it.
        connection.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    with suppress(pymysql.Error):
        # Rows of many long columns are refused when they come, not the table that could hold
        # them. Some servers let only administrators set it.
        connection.query("SET SESSION innodb_strict_mode = 0")


def _logs_statements(connection: RowsConnection) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@global.log_bin, @@session.binlog_format")
        found = cursor.fetchall()
    log, form = found[0]
    return bool(log) and str(form).upper() == "STATEMENT"
