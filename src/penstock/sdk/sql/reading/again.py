"""Rows that are read once more for a comparison: by ranges of keys, and which are not due yet."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.digest import Bucket, Digest, DigestPlan, Form, KeyBuckets, Part
from penstock.core.keys import KeyRange
from penstock.sdk.sql.digest.sums import TextOf, digest_sql, in_buckets
from penstock.sdk.sql.reading.blocks import Blocks
from penstock.sdk.sql.reading.modes import Chosen
from penstock.sdk.sql.reading.position import Position
from penstock.sdk.sql.reading.server import Column, Server, Table
from penstock.sdk.sql.reading.words import SqlWords

_MOST_KEYS: Final = 500
_MOST_RANGES: Final = 1_000
"""More would be a statement that takes longer to plan than the table to read."""


def within(words: SqlWords, table: Table, key: Sequence[str], part: Part) -> tuple[str, ...]:
    """A condition of the rows asked for; none when they cannot be told from the others here."""
    if isinstance(part, KeyBuckets):
        known = words.digests and in_buckets(words.digests, part, _text_of(words, table))
        return (known,) if known else ()
    return _ranged(words, table, key, part)


def _ranged(
    words: SqlWords, table: Table, key: Sequence[str], ranges: Sequence[KeyRange]
) -> tuple[str, ...]:
    """A condition on the key's first column; none when it is no whole number: engines may not
    agree on the order of other values."""
    column = table.column(key[0]) if key else None
    if column is None or not column.is_integer or not 0 < len(ranges) <= _MOST_RANGES:
        return ()
    return ("(" + " OR ".join(_inside(words, column, item) for item in ranges) + ")",)


def _inside(words: SqlWords, column: Column, item: KeyRange) -> str:
    if item.first is not None and item.first == item.last:
        return words.compared(column, "=", str(item.first))
    ends = []
    if item.first is not None:
        ends.append(words.compared(column, ">=", str(item.first)))
    if item.last is not None:
        ends.append(words.compared(column, "<=", str(item.last)))
    return f"({' AND '.join(ends)})" if ends else f"{words.ident(column.name)} IS NOT NULL"


def with_keys(words: SqlWords, table: Table, keys: pa.RecordBatch) -> Iterator[str]:
    """Conditions of rows with these values, each for some of them; of fields that the table has
    not (added to tell merged tables apart) nothing is asked."""
    columns = [column for name in keys.schema.names if (column := table.column(name)) is not None]
    values = {tuple(row.values()) for row in keys.select([c.name for c in columns]).to_pylist()}
    each = [f"({_equal(words, columns, row)})" for row in values]
    for start in range(0, len(each), _MOST_KEYS):
        yield f"({' OR '.join(each[start : start + _MOST_KEYS])})"


def _equal(words: SqlWords, columns: Sequence[Column], row: Sequence[Any]) -> str:
    return " AND ".join(
        words.compared(column, "=", words.text(value, column))
        for column, value in zip(columns, row, strict=True)
    )


def digested(
    server: Server, table: Table, plan: DigestPlan, cancel: threading.Event
) -> Digest | None:
    """Sums of hashes of a whole table; None when the engine cannot write a column's form."""
    words = server.words
    if words.digests is None:
        return None
    sql = digest_sql(words.digests, plan, _text_of(words, table), table.origin, ())
    if sql is None:
        return None
    sums = words.sums()
    found: dict[int, Bucket] = {}
    wanted = words.select(sums, f"({sql}) q")
    for rows in server.read(wanted, sums, cancel=cancel, blocks=Blocks(1 << 20)):
        values = rows.batch.to_pydict().values()
        found |= {number: Bucket(n, int(total)) for number, n, total in zip(*values, strict=True)}
    return found


def _text_of(words: SqlWords, table: Table) -> TextOf:
    def text(name: str, form: Form) -> str | None:
        column = table.column(name)
        return words.digested(column, form) if column is not None else None

    return text


def beyond(position: Position, chosen: Chosen, rows: pa.RecordBatch) -> pa.Array:
    """Which rows the next read of increments brings: those after the position, and those that
    this mode never reads because their cursor is empty."""
    cursor = rows.column(chosen.cursor[0].name)
    if not position.complete or position.reached is None:
        # The history has not come to its end; rows above its bound wait for increments.
        limit, beyond = position.bound, pc.greater_equal
    elif position.at is None:
        limit, beyond = position.floor, pc.greater_equal
    else:
        limit, beyond = position.at[0], pc.greater
    if limit is None:
        return pc.is_null(cursor)
    at = pa.array([limit], pa.string()).cast(cursor.type)[0]
    later = beyond(cursor, at)
    if beyond is pc.greater and position.at is not None and len(position.at) > 1:
        later = pc.or_(later, _after_tie(position.at, chosen, rows, pc.equal(cursor, at)))
    return pc.fill_null(later, True)


def _after_tie(at: Sequence[str], chosen: Chosen, rows: pa.RecordBatch, tied: pa.Array) -> pa.Array:
    """Of rows with the cursor of the last one read, those with a greater next column."""
    second = rows.column(chosen.order[1].name)
    if not chosen.order[1].is_integer:
        return pa.repeat(pa.scalar(False), rows.num_rows)
    return pc.and_(tied, pc.greater(second, pa.scalar(int(at[1]), second.type)))
