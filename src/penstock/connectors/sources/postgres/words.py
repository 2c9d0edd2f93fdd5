"""PostgreSQL's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from penstock.sdk.sql.reading import Column, SqlWords


class PostgresWords(SqlWords):
    """Rows are compared as rows, which an index on the columns answers at once."""

    def ident(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def literal(self, text: str, column: Column) -> str:
        quoted = text.replace("'", "''")
        # Backslashes are plain in it: standard_conforming_strings is on in every session.
        return f"'{quoted}'::{column.native}"

    def text(self, value: Any, column: Column) -> str:
        if pa.types.is_binary(column.type):
            return f"\\x{value.hex()}"
        return super().text(value, column)

    def after(self, columns: Sequence[Column], values: Sequence[str]) -> str:
        names = ", ".join(self.ident(item.name) for item in columns)
        pairs = zip(columns, values, strict=True)
        literals = ", ".join(self.literal(value, item) for item, value in pairs)
        return f"({names}) > ({literals})"
