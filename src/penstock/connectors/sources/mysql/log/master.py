"""What the server says of its own log."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pymysql

from penstock.connectors.sources.mysql.errors import code_of
from penstock.connectors.sources.mysql.log.gtid import MySqlGtids
from penstock.connectors.sources.mysql.log.position import Position, file_number
from penstock.connectors.sources.mysql.sessions import is_mariadb
from penstock.core.errors import AuthError, ConfigError

_VARIABLES = (
    "log_bin", "binlog_format", "binlog_row_image", "binlog_row_value_options", "server_id",
    "server_uuid", "hostname", "port", "gtid_mode", "gtid_strict_mode", "gtid_purged",
    "expire_logs_days", "binlog_expire_logs_seconds", "binlog_row_metadata",
)  # fmt: skip
_SYNTAX = 1064


@dataclass(frozen=True)
class Master:
    """A server whose log is read, through a session of its own."""

    session: Any
    user: str

    @property
    def mariadb(self) -> bool:
        return is_mariadb(self.session)

    def variables(self) -> Mapping[str, str]:
        names = ", ".join(f"'{name}'" for name in _VARIABLES)
        rows = self._rows(f"SHOW GLOBAL VARIABLES WHERE variable_name IN ({names})")
        return {name.lower(): value for name, value in rows}

    def identity(self) -> str:
        """Another one after a fail-over; the same after a restart."""
        found = self.variables()
        if uuid := found.get("server_uuid"):
            return uuid
        return f"{found.get('server_id')}@{found.get('hostname')}:{found.get('port')}"

    def check(self) -> str:
        """The settings that reading needs; what they are, in words.

        Raises:
            ConfigError: one of them is another, with the statement that sets it.
        """
        found = self.variables()
        if found.get("log_bin") != "ON":
            raise ConfigError(
                "The server writes no log of changes: log_bin is off.",
                hint="Set log_bin and binlog_format = ROW in its configuration, and restart it.",
                code="source.binlog",
            )
        wanted = {
            "binlog_format": "ROW",
            "binlog_row_image": "FULL",
            "binlog_row_value_options": "",
        }
        for name, value in wanted.items():
            if name in found and found[name].upper() != value:
                raise ConfigError(
                    f"The log cannot be read exactly: {name} is {found[name]}.",
                    hint=f"Let an administrator run: SET GLOBAL {name} = '{value}'; and set it in "
                    "the server's configuration.",
                    code="source.binlog",
                )
        return "log_bin is on, in whole rows"

    def end(self) -> Position:
        """Where the log ends now.

        Raises:
            AuthError: this user may not ask.
        """
        try:
            row = self._status()
        except pymysql.Error as error:
            if code_of(error) == 1227:
                raise self.no_right(str(error.args[1])) from error
            raise
        if row is None:
            raise ConfigError(
                "The server writes no log of changes.",
                hint="Set log_bin and binlog_format = ROW in its configuration, and restart it.",
                code="source.binlog",
            )
        file, offset = row[0], int(row[1])
        if self.mariadb:
            return self._at(file, offset)
        return Position(file, offset, str(MySqlGtids.of(row[4] or "")), self.identity())

    def snapshot(self) -> Position | None:
        """Where the log ended when this session's transaction took its snapshot; None where the
        server does not tell."""
        found = dict(self._rows("SHOW STATUS LIKE 'binlog\\_snapshot\\_%%'"))
        told = {name.lower(): value for name, value in found.items()}
        file, offset = told.get("binlog_snapshot_file"), told.get("binlog_snapshot_position")
        return self._at(file, int(offset)) if file and offset else None

    def _at(self, file: str, offset: int) -> Position:
        """A place of MariaDB's log with its GTIDs."""
        gtid = ""
        if self.mariadb:
            ((gtid,),) = self._rows("SELECT BINLOG_GTID_POS(%s, %s)", file, offset)
        return Position(file, offset, gtid or "", self.identity())

    def files(self) -> list[str]:
        """Names of the log's files that are there, oldest first."""
        return sorted((row[0] for row in self._rows("SHOW BINARY LOGS")), key=file_number)

    def behind(self, file: str, offset: int) -> int | None:
        """Bytes of log behind a place; None when the server does not have its file."""
        sizes = {row[0]: int(row[1]) for row in self._rows("SHOW BINARY LOGS")}
        if file not in sizes:
            return None
        later = [name for name in sizes if file_number(name) >= file_number(file)]
        return max(sum(sizes[name] for name in later) - offset, 0)

    def cascades(self) -> list[tuple[str, str, str]]:
        """(database, table, foreign key) of tables whose rows go or change with others."""
        return self._rows(
            "SELECT constraint_schema, table_name, constraint_name "
            "FROM information_schema.referential_constraints "
            "WHERE delete_rule IN ('CASCADE', 'SET NULL') "
            "OR update_rule IN ('CASCADE', 'SET NULL') "
            "ORDER BY 1, 2, 3"
        )

    def purged(self) -> str:
        """MySQL: transactions that are in no file any more."""
        return self.variables().get("gtid_purged", "")

    def retention_s(self) -> int:
        """After how many seconds files go; 0 is never."""
        found = self.variables()
        seconds = int(float(found.get("binlog_expire_logs_seconds") or 0))
        return seconds or int(float(found.get("expire_logs_days") or 0) * 86_400)

    def end_session(self, number: int) -> None:
        """End a session of the same user; one that has ended already is none of ours."""
        with suppress(pymysql.Error), self.session.cursor() as cursor:
            cursor.execute(f"KILL {number}")

    def no_right(self, said: str) -> AuthError:
        return no_right(said, self.user)

    def _status(self) -> Any:
        """MySQL 8.4 has no SHOW MASTER STATUS any more."""
        try:
            rows = self._rows("SHOW MASTER STATUS")
        except pymysql.ProgrammingError as error:
            if code_of(error) != _SYNTAX:
                raise
            rows = self._rows("SHOW BINARY LOG STATUS")
        return rows[0] if rows else None

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        with self.session.cursor() as cursor:
            cursor.execute(sql, values or None)
            return list(cursor.fetchall())


def no_right(said: str, user: str) -> AuthError:
    """What to grant; the names differ from server to server."""
    return AuthError(
        f"The user {user} may not read the log: {said}.",
        hint="Let an administrator run: GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO "
        f"'{user}'@'...';",
        code="source.replication_rights",
    )
