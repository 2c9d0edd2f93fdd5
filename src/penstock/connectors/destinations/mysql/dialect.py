"""Types and text forms of MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from penstock.connectors.destinations.mysql.numbers import number_text
from penstock.connectors.destinations.mysql.types import Stored, arrow_type, type_name
from penstock.core import metadata
from penstock.core.digest import Form
from penstock.core.types import UUID, Logical, logical, normal
from penstock.sdk.sql import Dialect
from penstock.sdk.sql.dialect import is_turned
from penstock.sdk.sql.digest.mysql import MySqlDigest, mysql_form
from penstock.sdk.sql.digest.sums import DigestWords
from penstock.sdk.sql.tx import Tx

STORED: Final = b"stored"
COPY: Final = "_ps_stg_again"
# White space between values, none within quotes.
_SPACES: Final = r"""'("([^"\\\\]|\\\\.)*")|\\s+'"""
TOO_LONG: Final = "=the base64 is too long="
"""Stands for bytes of which the server makes no text; no base64 begins so."""


class MySqlDialect(Dialect):
    """MySQL 8.0.17 and MariaDB 10.4, and later; sessions run with ANSI_QUOTES.

    `maria` is set when the server is known.
    """

    name = "MySQL"

    def __init__(self) -> None:
        self.maria = True

    @property
    def collation(self) -> str:
        """Texts are equal when their bytes are, case, accents and spaces at the end included."""
        return "utf8mb4_nopad_bin" if self.maria else "utf8mb4_0900_bin"

    def type_name(self, field: pa.Field) -> str:
        return type_name(field.type)

    def arrow_type(self, name: str) -> pa.DataType:
        return arrow_type(Stored("", name, None, None, ""))

    def column(self, stored: Stored) -> pa.Field:
        """A column of the catalogue; its own type is kept in the field's metadata."""
        kept = {
            STORED: stored.kind,
            b"charset": stored.charset or "",
            b"collation": stored.collation or "",
        }
        return pa.field(stored.name, arrow_type(stored), metadata=kept)

    def same(self, one: str, other: str) -> str:
        return f"{one} <=> {other}"

    def newest_first(self, column: str) -> str:
        # Nulls are less than all else.
        return f"{column} DESC"

    def milliseconds(self, count: str = "") -> str:
        return f"INTERVAL 1000 * ({count}) MICROSECOND" if count else "INTERVAL 1000 MICROSECOND"

    def update(self, table: str, values: Mapping[str, str], sources: str, where: str) -> str:
        done = ", ".join(f"t.{name} = {value}" for name, value in values.items())
        return f"UPDATE {table} AS t, {sources} SET {done} WHERE {where}"

    def delete(self, table: str, name: str, where: str, sources: str = "") -> str:
        joined = f", {sources}" if sources else ""
        return f"DELETE {name} FROM {table} AS {name}{joined} WHERE {where}"

    def drop_temporary(self, table: str) -> str:
        # Without the word it would commit.
        return f"DROP TEMPORARY TABLE {table}"

    def again(self, tx: Tx, rows: str, key: Sequence[str], columns: str = "*") -> str:
        """A copy: a temporary table cannot be opened twice in one statement."""
        tx.run(f"DROP TEMPORARY TABLE IF EXISTS {COPY}")
        tx.run(
            f"CREATE TEMPORARY TABLE {COPY} (KEY ({', '.join(key)})) "
            f"AS SELECT {columns} FROM {rows} x"
        )
        return COPY

    def moment(self, expression: str) -> str:
        return f"(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL 1000 * ({expression}) MICROSECOND)"

    def epoch_ms(self, expression: str) -> str:
        since = f"TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', {expression})"
        return f"CAST(ROUND({since} / 1000) AS SIGNED)"

    def compared(self, expression: str, field: pa.Field) -> str:
        """Text byte by byte; two collations that both do so do not compare with each other."""
        collation = stored_collation(field)
        if collation in ("", self.collation) or field.type == UUID:
            return expression
        text = expression if takes_our_bytes(field) else f"CONVERT({expression} USING utf8mb4)"
        return f"{text} COLLATE {self.collation}"

    def fingerprint(self, values: Sequence[tuple[str, pa.Field]]) -> str:
        """Of each value by itself: all of them together may be longer than a text can be."""
        parts = (f"COALESCE(SHA2({expression}, 256), '-')" for expression, _ in values)
        return f"SHA2(CONCAT({', '.join(parts)}), 256)"

    def cast(self, expression: str, kind: pa.DataType, target: pa.Field) -> str:
        """All but text and times of ours: an assignment converts exactly, and refuses the rest."""
        if target.name in metadata.INSTANTS and is_turned(kind, target.type):
            turned = self.moment if target.type == metadata.TIMESTAMP else self.epoch_ms
            return turned(expression)
        is_text = self.type_name(target) == "longtext"
        if is_text and self.type_name(pa.field("x", kind)) != "longtext":
            return self.to_text(expression, kind)
        return expression

    def returned(self, field: pa.Field) -> pa.DataType:
        kind = normal(field)
        as_text = kind in (pa.binary(), UUID) or pa.types.is_decimal256(kind)
        return pa.string() if as_text else kind

    def fetched(self, field: pa.Field) -> str:
        name = self.ident(field.name)
        if normal(field) != pa.binary():
            return name
        # Longer than max_allowed_packet, the text would be NULL, and the value is not.
        text = self.to_text(name, field.type)
        return f"IF({name} IS NULL, NULL, COALESCE({text}, '{TOO_LONG}'))"

    @property
    def digests(self) -> DigestWords:
        return MySqlDigest()

    def digested(self, field: pa.Field, form: Form) -> str | None:
        if form is Form.TEXT and not takes_our_bytes(field):
            return None
        return mysql_form(self.ident(field.name), form)

    def to_text(self, expression: str, kind: pa.DataType) -> str:
        family = logical(kind)
        if family is Logical.BOOLEAN:
            return f"CASE {expression} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
        if family in (Logical.FLOAT, Logical.DOUBLE):
            return number_text(expression)
        if family in (Logical.TIMESTAMP, Logical.TIMESTAMPTZ):
            zone = "Z" if family is Logical.TIMESTAMPTZ else ""
            return _trimmed(f"DATE_FORMAT({expression}, '%Y-%m-%dT%H:%i:%s.%f')", zone)
        if family is Logical.TIME:
            return _trimmed(f"TIME_FORMAT({expression}, '%H:%i:%s.%f')", "")
        if family is Logical.BYTES:
            return f"REPLACE(TO_BASE64({expression}), CHAR(10), '')"
        if family in (Logical.JSON, Logical.ARRAY) and not self.maria:
            return f"REGEXP_REPLACE(CAST({expression} AS CHAR), {_SPACES}, '$1')"
        return f"CAST({expression} AS CHAR)"


def stored_kind(field: pa.Field) -> str:
    """The catalogue's type of a described column."""
    return str((field.metadata or {}).get(STORED, b""), "utf-8")


def stored_collation(field: pa.Field) -> str:
    """The collation of a described column, empty where it has none."""
    return str((field.metadata or {}).get(b"collation", b""), "utf-8")


def takes_our_bytes(field: pa.Field) -> bool:
    """Whether a described column keeps text as it is sent; others would take it for their own."""
    charset = str((field.metadata or {}).get(b"charset", b""), "utf-8")
    return charset in ("", "utf8mb4") or field.type == UUID


def _trimmed(text: str, zone: str) -> str:
    """No fraction when it is zero, and no zeros at its end."""
    short = f"TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {text}))"
    return f"CONCAT({short}, '{zone}')" if zone else short
