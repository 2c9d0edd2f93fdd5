"""Values that the log left out, asked of the table by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import pq, sql

from penstock.connectors.sources.postgres.log.changes import Changes
from penstock.connectors.sources.postgres.log.messages import DELETE, Ints, Mask

_AT_ONCE: Final = 1000


@dataclass(frozen=True)
class Asked:
    """Rows of a table by key, in the text form of the log.

    Args:
        types: of the key columns, for casts.
    """

    schema: str
    table: str
    key: tuple[str, ...]
    types: tuple[str, ...]


def fill(
    connection: psycopg.Connection[Any], changes: Changes, asked: Asked, *, everything: bool
) -> Changes:
    """The changes with the values that the table has now, where they were left out.

    The value may be younger than the change: then a change that brings it follows in the log.
    A row that is not there any more keeps nulls: its delete follows.

    Args:
        everything: also of updates, whose values the destination has once the table's history
            is there; else only of rows that got a new key.
    """
    names = [column.name for column in changes.relation.columns]
    masks = [mask for mask in changes.left_out if mask is not None]
    if not masks:
        return changes
    lacking: Mask = np.logical_or.reduce(masks) & (changes.ops != DELETE)
    if not everything:
        lacking &= changes.rekeyed
    rows = np.flatnonzero(lacking)
    if not len(rows):
        return changes
    columns = [i for i, mask in enumerate(changes.left_out) if mask is not None]
    keys = [changes.raw[names.index(name)].take(pa.array(rows)) for name in asked.key]
    found = _found(connection, asked, keys, [names[i] for i in columns])
    return _filled(changes, columns, rows, found)


def _found(
    connection: psycopg.Connection[Any],
    asked: Asked,
    keys: Sequence[pa.Array],
    columns: Sequence[str],
) -> list[list[str | None]]:
    """For each of these columns the value of each row, None where there is no row."""
    count = len(keys[0])
    values: list[list[str | None]] = [[None] * count for _ in columns]
    for start in range(0, count, _AT_ONCE):
        part = [key[start : start + _AT_ONCE].to_pylist() for key in keys]
        for at, *cells in _ask(connection, asked, part, columns):
            for column, cell in zip(values, cells, strict=True):
                column[start + int(at or 0) - 1] = cell
    return values


def _ask(
    connection: psycopg.Connection[Any],
    asked: Asked,
    keys: Sequence[Sequence[str | None]],
    columns: Sequence[str],
) -> list[list[str | None]]:
    lists = sql.SQL(", ").join(
        sql.SQL("{}::text[]").format(sql.SQL(f"${i + 1}")) for i in range(len(keys))
    )
    pairs = sql.SQL(" AND ").join(
        sql.SQL("t.{} = k.{}::{}").format(
            sql.Identifier(name), sql.Identifier(f"k{i}"), sql.SQL(asked.types[i])
        )
        for i, name in enumerate(asked.key)
    )
    statement = sql.SQL(
        "SELECT k.at, {} FROM unnest({}) WITH ORDINALITY AS k({}, at) JOIN {} t ON {}"
    ).format(
        sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in columns),
        lists,
        sql.SQL(", ").join(sql.Identifier(f"k{i}") for i in range(len(keys))),
        sql.Identifier(asked.schema, asked.table),
        pairs,
    )
    arrays = [_array_text(values) for values in keys]
    result = connection.pgconn.exec_params(statement.as_string(connection).encode(), arrays)
    if result.status != pq.ExecStatus.TUPLES_OK:
        raise psycopg.errors.error_from_result(result)
    # Values as the type's own output writes them, which is what the log has.
    return [
        [_text(result.get_value(row, column)) for column in range(result.nfields)]
        for row in range(result.ntuples)
    ]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _array_text(values: Sequence[str | None]) -> bytes:
    """An array in PostgreSQL's text form, every element quoted."""
    parts = (
        "NULL" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for value in values
    )
    return ("{" + ",".join(parts) + "}").encode()


def _filled(
    changes: Changes, columns: Sequence[int], rows: Ints, found: Sequence[list[str | None]]
) -> Changes:
    raw, left_out = list(changes.raw), list(changes.left_out)
    for column, values in zip(columns, found, strict=True):
        mask = left_out[column]
        assert mask is not None
        wanted = mask[rows]
        places = np.zeros(changes.count, bool)
        places[rows[wanted]] = True
        answers = pa.array(
            [value for value, take in zip(values, wanted.tolist(), strict=True) if take],
            pa.utf8(),
        )
        raw[column] = pc.replace_with_mask(raw[column], pa.array(places), answers)
        rest = mask & ~places
        left_out[column] = rest if rest.any() else None
    return replace(changes, raw=tuple(raw), left_out=tuple(left_out))
