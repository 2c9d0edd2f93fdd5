"""PostgreSQL's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from penstock.core.digest import Form
from penstock.sdk.sql.digest.postgres import PostgresDigest, postgres_form
from penstock.sdk.sql.digest.sums import DigestWords
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

    @property
    def digests(self) -> DigestWords:
        return PostgresDigest()

    def digested(self, column: Column, form: Form) -> str | None:
        name = self.ident(column.name)
        if form is Form.TEXT and column.native in ("text", "pg_catalog.text"):
            return name
        # The list's form of bytes is their digits already.
        known = column.select if form is not Form.BYTES else name
        return postgres_form(known, form) if _is_plain(column, form) else None

    def after(self, columns: Sequence[Column], values: Sequence[str]) -> str:
        names = ", ".join(self.ident(item.name) for item in columns)
        pairs = zip(columns, values, strict=True)
        literals = ", ".join(self.literal(value, item) for item, value in pairs)
        return f"({names}) > ({literals})"


def _is_plain(column: Column, form: Form) -> bool:
    """Bit strings have no digits of bytes; numbers of no declared digits have no scale."""
    if form is Form.BYTES:
        return not column.native.rpartition(".")[2].startswith(("bit", "varbit"))
    return not pa.types.is_null(column.type)
