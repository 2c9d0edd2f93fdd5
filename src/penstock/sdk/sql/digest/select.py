"""The SELECT that reads a table back."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from penstock.core import metadata
from penstock.core.digest import Form, KeyBuckets
from penstock.core.keys import KeyRange
from penstock.sdk.destination import TableRead
from penstock.sdk.sql.dialect import Dialect
from penstock.sdk.sql.digest.sums import TextOf, in_buckets


def returned(dialect: Dialect, columns: pa.Schema) -> pa.Schema:
    """Columns in the types that `selected` gives."""
    return pa.schema([pa.field(field.name, dialect.returned(field)) for field in columns])


def selected(dialect: Dialect, place: str, columns: pa.Schema, wanted: TableRead) -> str:
    """Rows that count, in the order of the wanted columns.

    Args:
        place: the table, qualified and quoted.
        columns: of the table, as the catalogue gives them.
    """
    fields = [columns.field(name) for name in wanted.columns]
    shown = ", ".join(
        f"{dialect.fetched(field)} AS {dialect.ident(field.name)}" for field in fields
    )
    conditions = living(dialect, columns) + within(dialect, columns, wanted)
    origin = f"{place} t"
    if wanted.newest:
        origin = newest(dialect, place, wanted.key)
        conditions.append("t._ps_stg_place = 1")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {shown or '1'} FROM {origin}{where}"


def living(dialect: Dialect, columns: pa.Schema) -> list[str]:
    """Conditions of rows that are there: not flagged as deleted, and of a history active."""
    found = []
    if metadata.DELETED in columns.names:
        found.append(f"{dialect.ident(metadata.DELETED)} IS NOT TRUE")
    if metadata.IS_ACTIVE in columns.names:
        found.append(f"{dialect.ident(metadata.IS_ACTIVE)} IS TRUE")
    return found


def text_of(dialect: Dialect, columns: pa.Schema) -> TextOf:
    """How columns of a table are written for digests."""

    def text(name: str, form: Form) -> str | None:
        return dialect.digested(columns.field(name), form) if name in columns.names else None

    return text


def within(dialect: Dialect, columns: pa.Schema, wanted: TableRead) -> list[str]:
    """The condition of the part that is wanted; none for all rows."""
    if isinstance(wanted.part, KeyBuckets):
        words = dialect.digests
        known = words and in_buckets(words, wanted.part, text_of(dialect, columns))
        return [known] if known else []
    return _ranged(dialect, wanted.key, wanted.part)


def _ranged(dialect: Dialect, key: Sequence[str], ranges: Sequence[KeyRange]) -> list[str]:
    """A condition on the first column of the key, whose ranges are of whole numbers."""
    if not ranges or not key:
        return []
    name = dialect.ident(key[0])
    parts = []
    for item in ranges:
        ends = []
        if item.first is not None:
            ends.append(f"{name} >= {int(item.first)}")
        if item.last is not None:
            ends.append(f"{name} <= {int(item.last)}")
        parts.append(f"({' AND '.join(ends) or 'TRUE'})")
    return [f"({' OR '.join(parts)})"]


def newest(dialect: Dialect, place: str, key: Sequence[str]) -> str:
    """The row of each key that was read last; of versions that came together, the last added."""
    keys = ", ".join(dialect.ident(name) for name in key)
    times = map(dialect.ident, (metadata.INGESTED_AT, metadata.LOADED_AT))
    places = [f"n.{dialect.place}"] if dialect.place else []
    order = ", ".join(f"{name} DESC" for name in [*times, *places])
    return (
        f"(SELECT n.*, row_number() OVER (PARTITION BY {keys} ORDER BY {order}) AS _ps_stg_place "
        f"FROM {place} n) t"
    )
