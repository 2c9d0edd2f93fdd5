"""Text columns that are too short for a load are lengthened (pipelines.md 12.10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pymysql

from penstock.connectors.destinations.mysql.dialect import stored_collation, stored_kind
from penstock.connectors.destinations.mysql.errors import code_of
from penstock.connectors.destinations.mysql.types import longer_type, row_bytes, text_limit
from penstock.core.load import TableLoad
from penstock.sdk.sql.tx import Tx

# The column stands in an index, which takes no longer one; the user may not change the table.
_CANNOT = frozenset({1071, 1142, 1170})


def limits(load: TableLoad, existing: pa.Schema) -> dict[str, int]:
    """Characters that the text columns of a load hold, where that is limited; without keys,
    which stay as long as an index allows."""
    found = {
        field.name: text_limit(stored_kind(existing.field(field.name)))
        for field in load.schema
        if pa.types.is_string(field.type) and field.name not in load.key
    }
    return {name: limit for name, limit in found.items() if limit is not None}


@dataclass(frozen=True)
class Longer:
    """A column that is to be lengthened, and what the user is told of it."""

    statement: str
    told: str


def too_short(
    place: str,
    table: str,
    existing: pa.Schema,
    limits: Mapping[str, int],
    longest: Mapping[str, int],
) -> list[Longer]:
    """The columns whose longest value does not fit.

    Args:
        place: the table, qualified and quoted.
        longest: characters of the longest staged value, by column.
    """
    found = []
    kinds = {field.name: stored_kind(field) for field in existing}
    for name, limit in limits.items():
        if longest.get(name, 0) <= limit:
            continue
        others = row_bytes(kind for column, kind in kinds.items() if column != name)
        kinds[name] = longer_type(longest[name], others)
        collation = stored_collation(existing.field(name))
        like = f" COLLATE {collation}" if collation else ""
        quoted = '"' + name.replace('"', '""') + '"'
        told = (
            f"The column {name} of {table} was too short for a value: it was varchar({limit}) "
            f"and is {kinds[name]} now."
        )
        found.append(Longer(f"ALTER TABLE {place} MODIFY {quoted} {kinds[name]}{like}", told))
    return found


def lengthen(tx: Tx, place: str, columns: Sequence[Longer]) -> list[str]:
    """Change the columns where that can be; without it, rows that are too long are refused.

    Returns:
        What the user is told; a table without rows was only waiting for its first ones.
    """
    told = [column.told for column in columns if _tried(tx, column.statement)]
    return told if told and tx.rows(f"SELECT 1 FROM {place} LIMIT 1") else []


def _tried(tx: Tx, statement: str) -> bool:
    try:
        tx.run(statement)
    except pymysql.Error as error:
        if code_of(error) in _CANNOT:
            return False
        raise
    return True
