"""Text columns that are too short for a load are lengthened (pipelines.md 12.10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pymysql

from penstock.connectors.destinations.mysql.dialect import stored_collation, stored_kind
from penstock.connectors.destinations.mysql.errors import code_of
from penstock.connectors.destinations.mysql.types import (
    byte_limit,
    longer_type,
    row_bytes,
    text_limit,
)
from penstock.core.errors import DataError
from penstock.core.load import TableLoad
from penstock.sdk.sql.tx import Tx

# The column stands in an index, which takes no longer one; the user may not change the table.
_CANNOT = frozenset({1071, 1142, 1170})


@dataclass(frozen=True)
class Limit:
    """What a column of text or bytes holds: characters, or bytes."""

    length: int
    in_bytes: bool


def limits(load: TableLoad, existing: pa.Schema) -> dict[str, Limit]:
    """Of the columns of a load that have one; without keys, which stay as long as an index
    allows."""
    found = {}
    for field in load.schema:
        kind = stored_kind(existing.field(field.name))
        characters, size = text_limit(kind), byte_limit(kind)
        if field.name in load.key or not (_is_text(field.type) or pa.types.is_binary(field.type)):
            continue
        if characters is not None:
            found[field.name] = Limit(characters, in_bytes=False)
        elif size is not None:
            found[field.name] = Limit(size, in_bytes=True)
    return found


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or isinstance(kind, pa.JsonType)


@dataclass(frozen=True)
class Longer:
    """A column that is to be lengthened, and what the user is told of it."""

    column: str
    statement: str
    told: str
    must: bool
    """Where it cannot be, the server would cut the value in silence and not refuse it
    (MariaDB 10.11 does, from longtext to a shorter text)."""


def too_short(
    place: str,
    table: str,
    existing: pa.Schema,
    limits: Mapping[str, Limit],
    longest: Mapping[str, int],
) -> list[Longer]:
    """The columns whose longest value does not fit.

    Args:
        place: the table, qualified and quoted.
        longest: characters, or bytes, of the longest staged value, by column.
    """
    found = []
    kinds = {field.name: stored_kind(field) for field in existing}
    for name, limit in limits.items():
        if longest.get(name, 0) <= limit.length:
            continue
        before = kinds[name]
        others = row_bytes(kind for column, kind in kinds.items() if column != name)
        kinds[name] = longer_type(longest[name], others)
        if limit.in_bytes:
            kinds[name] = f"long{before.lower()[-4:]}"
        collation = stored_collation(existing.field(name))
        like = f" COLLATE {collation}" if collation else ""
        quoted = '"' + name.replace('"', '""') + '"'
        told = (
            f"The column {name} of {table} was too short for a value: it was {before} "
            f"and is {kinds[name]} now."
        )
        statement = f"ALTER TABLE {place} MODIFY {quoted} {kinds[name]}{like}"
        found.append(Longer(name, statement, told, must=limit.in_bytes))
    return found


def lengthen(tx: Tx, place: str, columns: Sequence[Longer], *, fixed: bool = False) -> list[str]:
    """Change the columns where that can be; without it, rows that are too long are refused.

    Args:
        fixed: only as long as the table has no rows: nobody knew how long values would be.

    Raises:
        DataError: a column stays too short for a value.

    Returns:
        What the user is told; a table without rows was only waiting for its first ones.
    """
    told = []
    fixed = fixed and bool(columns) and bool(tx.rows(f"SELECT 1 FROM {place} LIMIT 1"))
    for column in columns:
        if not fixed and _tried(tx, column.statement):
            told.append(column.told)
        elif column.must:
            raise DataError(
                f"A value of {column.column} is too long for its column.", code="VALUE_TOO_LONG"
            )
    return told if told and tx.rows(f"SELECT 1 FROM {place} LIMIT 1") else []


def _tried(tx: Tx, statement: str) -> bool:
    try:
        tx.run(statement)
    except pymysql.Error as error:
        if code_of(error) in _CANNOT:
            return False
        raise
    return True
