"""MySQL's words, and columns with what they need of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from penstock.connectors.sources.mysql.rows.render import bare, ident, line, value
from penstock.connectors.sources.mysql.types import Choices, Definition, Kind, arrow_type, kind
from penstock.core.digest import Form
from penstock.sdk.sql.digest.mysql import MySqlDigest, mysql_form
from penstock.sdk.sql.digest.sums import DigestWords
from penstock.sdk.sql.reading import Column, SqlWords

_MILLI: Final = 3
_LONG: Final = frozenset({"mediumtext", "longtext", "mediumblob", "longblob", "json"})
_LOSSY: Final = frozenset({"bit", "float"})
"""As text they lose digits, or are none."""
_TEXTS: Final = frozenset({"char", "varchar", "tinytext", "text"})


@dataclass(frozen=True)
class MySqlColumn(Column):
    """A column that is read as a part of a line.

    Args:
        bare: the expression of the value by itself, for rows too long for a line.
        plain: the value comes as it is, without an escape (bytes).
        fraction: digits of a second's fraction that the column keeps.
        compared_as: the expression that orders and compares it.
    """

    bare: str = ""
    plain: bool = False
    fraction: int = 6
    compared_as: str = ""


def column(definition: Definition, choices: Choices) -> MySqlColumn:
    """The column of a definition."""
    name = ident(definition.name)
    # ENUM and SET are sorted by their number and compared as text; as text both agree.
    listed = definition.data_type in ("enum", "set")
    return MySqlColumn(
        definition.name,
        arrow_type(definition, choices),
        value(definition, choices),
        definition.data_type,
        definition.nullable,
        bare=bare(definition, choices),
        plain=kind(definition, choices) is Kind.BYTES,
        fraction=definition.fraction,
        compared_as=f"cast({name} as char)" if listed else name,
    )


class MySqlWords(SqlWords):
    """A select gives one column: the row as a line of CSV (see `rows.render`)."""

    def ident(self, name: str) -> str:
        return ident(name)

    def literal(self, text: str, column: Column) -> str:
        if pa.types.is_binary(column.type):
            # In MariaDB only this form of the literal is a number where one is wanted.
            return f"0x{text}+0" if column.native == "bit" else f"x'{text}'"
        if _is_number(column.type):
            return text
        quoted = text.replace("\\", "\\\\").replace("'", "''")
        return f"'{quoted}'"

    def text(self, value: Any, column: Column) -> str:
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, datetime):
            # Sessions are in UTC, and literals know no zone.
            return value.replace(tzinfo=None).isoformat(" ")
        return super().text(value, column)

    def moment(self, epoch_ms: int, column: Column) -> str:
        """Never later than what the server writes into the column at that time.

        A column keeps as many digits as it was made with, and drops the others.
        """
        assert isinstance(column, MySqlColumn)
        step = 10 ** max(_MILLI - column.fraction, 0)
        return super().moment(epoch_ms // step * step, column)

    def compared(self, column: Column, operator: str, value: str) -> str:
        return f"{_compared_as(column)} {operator} {self.literal(value, column)}"

    def order(self, columns: Sequence[Column]) -> str:
        return ", ".join(map(_compared_as, columns))

    @property
    def digests(self) -> DigestWords:
        return MySqlDigest()

    def sums(self) -> tuple[Column, Column, Column]:
        plain = Choices()
        return (
            column(Definition("bucket", "bigint", "bigint(20)"), plain),
            column(Definition("n", "bigint", "bigint(20)"), plain),
            column(Definition("total", "decimal", "decimal(38,0)", precision=38), plain),
        )

    def digested(self, column: Column, form: Form) -> str | None:
        # A long row's text may be longer than the server makes one: null at both ends, perhaps.
        if column.native in _LONG:
            return None
        name = ident(column.name)
        if form is Form.TEXT:
            return f"CONVERT({name} USING utf8mb4)" if column.native in _TEXTS else None
        return mysql_form(name, form) if column.native not in _LOSSY else None

    def select(
        self,
        columns: Sequence[Column],
        origin: str,
        where: Sequence[str] = (),
        order: Sequence[Column] = (),
        limit: int = 0,
    ) -> str:
        parts = [_start(columns) + origin]
        if where:
            parts.append("WHERE " + " AND ".join(where))
        if order:
            parts.append("ORDER BY " + self.order(order))
        if limit:
            parts.append(f"LIMIT {limit}")
        return " ".join(parts)


def unbuilt(sql: str, columns: Sequence[Column]) -> str:
    """From a select of lines: the same rows where the line is NULL, column by column."""
    rest = sql.removeprefix(_start(columns))
    values = ",".join(item.bare for item in columns if isinstance(item, MySqlColumn))
    built = line([item.select for item in columns])
    # By name: a star leaves invisible columns out.
    names = ",".join(ident(item.name) for item in columns)
    return f"SELECT {values} FROM (SELECT {names} FROM {rest}) q WHERE {built} IS NULL"


def _start(columns: Sequence[Column]) -> str:
    return f"SELECT {line([item.select for item in columns])} FROM "


def _compared_as(column: Column) -> str:
    return (column.compared_as if isinstance(column, MySqlColumn) else "") or ident(column.name)


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(kind) or types.is_decimal(kind) or types.is_floating(kind)
        or types.is_boolean(kind)
    )  # fmt: skip
