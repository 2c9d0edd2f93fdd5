"""Rows of files into a temporary table: by LOAD DATA LOCAL, else by INSERT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import pyarrow as pa

from penstock.connectors.destinations.mysql.connection import RowsConnection
from penstock.connectors.destinations.mysql.copy import CopyRows
from penstock.connectors.destinations.mysql.dialect import (
    MySqlDialect,
    stored_collation,
    stored_kind,
    takes_our_bytes,
)
from penstock.connectors.destinations.mysql.errors import refused_value
from penstock.connectors.destinations.mysql.lines import LoadLines, content, pieces
from penstock.connectors.destinations.mysql.types import key_types
from penstock.core.errors import InternalError
from penstock.core.metadata import OP
from penstock.sdk.sql.tx import Tx

_TEXTS = ("longtext", "longblob", "json")
# A statement is held in memory several times, here and there.
_STATEMENT_BYTES = 4 << 20


def make_table(
    tx: Tx,
    dialect: MySqlDialect,
    table: str,
    fields: Sequence[pa.Field],
    key: Sequence[pa.Field],
    *,
    indexed: bool,
) -> None:
    """An empty temporary table; its key has the types and collations of the target's."""
    known = {field.name: field for field in key}
    spare = dict(zip(known, key_types([field.type for field in key]), strict=True))
    lines = []
    for field in fields:
        kind = _type(dialect, field, known.get(field.name), spare.get(field.name))
        lines.append(f"{dialect.ident(field.name)} {kind}")
    if indexed:
        lines.append(f"KEY ({', '.join(dialect.ident(name) for name in known)})")
    tx.run(f"DROP TEMPORARY TABLE IF EXISTS {table}")
    tx.run(f"CREATE TEMPORARY TABLE {table} ({', '.join(lines)}){options(dialect)}")


def options(dialect: MySqlDialect) -> str:
    """What stands behind the columns of every table of ours."""
    return f" ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE {dialect.collation}"


def _type(
    dialect: MySqlDialect, field: pa.Field, stored: pa.Field | None, spare: str | None
) -> str:
    kind = dialect.type_name(field)
    if field.name == OP:
        return "char(1)"
    if stored is None or kind not in _TEXTS:
        # MariaDB's json is a longtext with a check, which the target has as well.
        return "longtext" if kind == "json" and dialect.maria else kind
    there = stored_kind(stored) if takes_our_bytes(stored) else ""
    if there.startswith(("varchar", "char", "varbinary", "binary")):
        collation = stored_collation(stored)
        return f"{there} COLLATE {collation}" if collation else there
    plain = spare or kind
    like = stored_collation(stored) if takes_our_bytes(stored) else ""
    return f"{plain} COLLATE {like}" if like and plain.startswith(("varchar", "long")) else plain


def load_lines(
    connection: RowsConnection, dialect: MySqlDialect, table: str, rows: CopyRows, kinds: pa.Schema
) -> None:
    """LOAD DATA LOCAL; a value that does not fit is a warning there, and an error here.

    Raises:
        DataError: a value does not fit its column.
    """
    stored, warnings = load_data(connection, dialect, table, rows, kinds)
    if warnings:
        for level, code, text in connection.warnings():
            if level != "Note":
                raise refused_value(code, text)
    if stored != rows.rows:
        raise InternalError(
            f"The server took {stored} of {rows.rows} rows and named no reason.",
            hint="Please report this with the log file.",
            code="destination.unexpected",
        )


def load_data(
    connection: RowsConnection,
    dialect: MySqlDialect,
    table: str,
    rows: CopyRows,
    kinds: pa.Schema,
    constants: Mapping[str, str] | None = None,
) -> tuple[int, int]:
    """LOAD DATA LOCAL, with values that all rows have; rows stored, and warnings.

    A row that meets another one of its key is left out with a warning.
    """
    names, values = [], dict(constants or {})
    for at, field in enumerate(kinds):
        name = dialect.ident(field.name)
        if dialect.type_name(field) == "json" and not dialect.maria:
            # MySQL takes no bytes for JSON, only text.
            names.append(f"@v{at}")
            values[name] = f"CONVERT(@v{at} USING utf8mb4)"
        else:
            names.append(name)
    done = ", ".join(f"{name} = {value}" for name, value in values.items())
    return connection.send_rows(
        f"LOAD DATA LOCAL INFILE {connection.rows_name} INTO TABLE {table} {LoadLines.FORMAT} "
        f"({', '.join(names)}){f' SET {done}' if done else ''}",
        (content(part) for part in rows),
    )


def insert_lines(
    connection: RowsConnection, dialect: MySqlDialect, table: str, rows: CopyRows, kinds: pa.Schema
) -> None:
    """INSERTs of many rows, none longer than the server takes."""
    names = ", ".join(dialect.ident(name) for name in kinds.names)
    begin = f"INSERT INTO {table} ({names}) VALUES ".encode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@max_allowed_packet")
        found = cursor.fetchall()
    most = min(int(found[0][0]) // 2, _STATEMENT_BYTES) - len(begin)
    for piece in chain.from_iterable(pieces(part, most) for part in rows):
        # Without the comma behind the last row.
        connection.query(begin + bytes(piece[:-1]))
