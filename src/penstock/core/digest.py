"""Sums of hashes over ranges of keys, made inside of two engines so that they can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """How a value becomes text for a hash: the same text in every engine, another for every
    other value. An engine that cannot write one says so."""

    INTEGER = "INTEGER"
    """Decimal digits."""
    DECIMAL = "DECIMAL"
    """All digits of its scale, one before the point at least."""
    DOUBLE = "DOUBLE"
    """The shortest digits that give the same 64 bits, as PostgreSQL writes them."""
    BOOLEAN = "BOOLEAN"
    """true, false."""
    TEXT = "TEXT"
    """As it is."""
    BYTES = "BYTES"
    """Hexadecimal digits in lower case."""
    DATE = "DATE"
    TIME = "TIME"
    TIMESTAMP = "TIMESTAMP"
    """2025-07-14 18:22:05.5: no zeros at the end of a fraction."""
    TIMESTAMPTZ = "TIMESTAMPTZ"
    """The same, in UTC, without a zone."""
    JSON = "JSON"
    """As PostgreSQL writes jsonb."""


@dataclass(frozen=True)
class DigestPlan:
    """What is summed.

    A row's text is its values joined by commas: "-" for null, a text with its length in
    characters before it ("5:hello"). Its hash is the number of the first 60 bits of the MD5 of
    that. Row `key` belongs to bucket (key - low) // width.

    Args:
        columns: name (of the field, or of the column) and form, in order.
        key: name of a column of whole numbers; None puts all rows into bucket 0.
    """

    columns: tuple[tuple[str, Form], ...]
    key: str | None = None
    low: int = 0
    width: int = 1


@dataclass(frozen=True)
class Bucket:
    """Rows of one bucket: how many, and the sum of their hashes."""

    rows: int
    total: int


Digest = Mapping[int, Bucket]
"""By number; buckets without rows are left out."""
