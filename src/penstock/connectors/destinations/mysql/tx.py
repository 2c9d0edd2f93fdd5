"""A transaction on the one connection of a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from penstock.connectors.destinations.mysql.answer import Describe, answer
from penstock.connectors.destinations.mysql.connection import RowsConnection


class MySqlTx:
    """Statements of `sdk.sql`, whose values are `?`, for a driver that wants `%s`."""

    def __init__(self, connection: RowsConnection) -> None:
        self.connection = connection

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        with self.connection.cursor() as cursor:
            return int(cursor.execute(*_prepared(sql, values)))

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(*_prepared(sql, values))
            return list(cursor.fetchall())

    def answer(self, sql: str, values: Sequence[Any], describe: Describe) -> pa.Table:
        """All rows of a query as a table."""
        with self.connection.cursor() as cursor:
            cursor.execute(*_prepared(sql, values))
            return answer(self.connection, cursor, describe)


def _prepared(sql: str, values: Sequence[Any]) -> tuple[str, list[Any] | None]:
    if not values:
        return sql, None
    return sql.replace("%", "%%").replace("?", "%s"), list(values)
