"""A connection whose LOAD DATA LOCAL sends rows of ours, and never a file."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import pymysql
from pymysql.connections import Connection, MySQLResult
from pymysql.constants import CR
from pymysql.protocol import LoadLocalPacketWrapper

from penstock.connectors.destinations.mysql.config import Config
from penstock.sdk.sql.mysql_login import notice_silence

_PACKET_BYTES = 256 * 1024
_ROWS = "penstock-rows"


if TYPE_CHECKING:
    _Connection = Connection[Any]
else:
    _Connection = Connection


class RowsConnection(_Connection):
    """The driver's connection, with rows in place of the file that LOAD DATA LOCAL names.

    A server may ask for any file in answer to any statement
    (https://dev.mysql.com/doc/refman/8.4/en/load-data-local-security.html). Here no file is
    ever opened: without rows that wait to be sent, an asking server is refused.
    """

    waiting: Iterable[memoryview] | None = None
    _result: Any
    _sock: Any
    _read_timeout: int | None

    def send_rows(self, statement: str, rows: Iterable[memoryview]) -> tuple[int, int]:
        """Run a LOAD DATA LOCAL INFILE, whose file is named `rows_name`.

        Returns:
            Rows that were stored, and warnings: with LOCAL, errors in values are warnings.
        """
        self.waiting = rows
        try:
            stored = self.query(statement)
        finally:
            self.waiting = None
        return stored, self._result.warning_count

    @property
    def version(self) -> str:
        """As the server tells it, e.g. 10.11.19-MariaDB."""
        return str(self.get_server_info())  # type: ignore[no-untyped-call]

    @property
    def session_id(self) -> int:
        return int(self.thread_id())  # type: ignore[no-untyped-call]

    def warnings(self) -> list[tuple[str, int, str]]:
        """Level, number and text of what the last statement warned of, the first 64."""
        return list(self.show_warnings())  # type: ignore[no-untyped-call]

    @property
    def rows_name(self) -> str:
        """What a statement writes for the file."""
        return f"'{_ROWS}'"

    def _read_query_result(self, unbuffered: bool = False) -> int:
        # As the driver's, with our kind of result.
        self._result = None
        result: Any = _Result(self)
        if unbuffered:
            self._begin(result)
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return int(result.affected_rows or 0)

    def _begin(self, result: Any) -> None:
        """Read no further than to the first row; the others come as they are asked for."""
        try:
            result.init_unbuffered_query()
        except BaseException:
            result.unbuffered_active = False
            result.connection = None
            raise


class _Result(MySQLResult):
    def _read_load_local_packet(self, first_packet: Any) -> None:
        connection = cast("RowsConnection", self.connection)
        rows, connection.waiting = connection.waiting, None
        asked = LoadLocalPacketWrapper(first_packet).filename
        try:
            if rows is None or asked != _ROWS.encode():
                raise pymysql.OperationalError(
                    CR.CR_MALFORMED_PACKET, "The server asked for a file of this machine."
                )
            for chunk in rows:
                for at in range(0, len(chunk), _PACKET_BYTES):
                    connection.write_packet(bytes(chunk[at : at + _PACKET_BYTES]))
        except BaseException:
            # The server waits for the end of the rows; what it took of them is rolled back.
            with suppress(pymysql.Error):
                _end(connection)
            raise
        result: Any = self
        result._read_ok_packet(_end(connection))


def _end(connection: RowsConnection) -> Any:
    """Tell that all rows are sent; the server's answer."""
    connection.write_packet(b"")
    return connection._read_packet()  # type: ignore[no-untyped-call]


def connect(config: Config) -> RowsConnection:
    """Open a connection; nothing is set in the session yet."""
    connection = RowsConnection(
        **config.connection(),
        database=config.database,
        local_infile=config.local_infile,
        # A server that takes the connection and says nothing is given up as well.
        read_timeout=config.connect_timeout,
    )
    connection._read_timeout = None
    notice_silence(connection._sock)
    return connection
