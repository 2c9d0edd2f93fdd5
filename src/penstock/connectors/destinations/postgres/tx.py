"""A transaction on the one connection of a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.types.string import TextLoader


class PostgresTx:
    """Statements of `sdk.sql`, whose values are `?`, for a driver that wants `%s`."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return self.execute(sql, values).rowcount

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.execute(sql, values).fetchall()

    def execute(
        self, sql: str, values: Sequence[Any] = (), *, json_as_text: bool = False
    ) -> psycopg.Cursor[Any]:
        cursor = self.connection.cursor()
        if json_as_text:
            # Arrow has no column type for Python's mixed lists and dictionaries.
            for name in ("json", "jsonb"):
                cursor.adapters.register_loader(name, TextLoader)
        if not values:
            return cursor.execute(sql.encode())
        text = sql.replace("%", "%%").replace("?", "%s")
        return cursor.execute(text.encode(), list(values))
