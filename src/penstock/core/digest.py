"""Sums of hashes over ranges of keys, made inside of two engines so that they can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from penstock.core.keys import KeyRange


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


Columns = tuple[tuple[str, Form], ...]
"""Names (of fields, or of columns) and forms, in order."""


@dataclass(frozen=True)
class KeyBuckets:
    """Rows by the hash of their key, for keys that engines do not order alike.

    A row's bucket is the hash of its key's text (see `DigestPlan`) modulo `count`.

    Args:
        columns: of the key.
        numbers: the buckets that are meant; in a plan all of them, and this is empty.
    """

    columns: Columns
    count: int
    numbers: tuple[int, ...] = ()


Part = Sequence[KeyRange] | KeyBuckets
"""Which rows are asked for: those in ranges of the key's first column, those in buckets, or with
neither all of them."""


@dataclass(frozen=True)
class DigestPlan:
    """What is summed.

    A row's text is its values joined by commas: "-" for null, a text with its length in
    characters before it ("5:hello"). Its hash is the number of the first 60 bits of the MD5 of
    that. Row `key` belongs to bucket (key - low) // width; or its bucket is by `buckets`.

    Args:
        key: name of a column of whole numbers; without it and `buckets` all is bucket 0.
    """

    columns: Columns
    key: str | None = None
    low: int = 0
    width: int = 1
    buckets: KeyBuckets | None = None


@dataclass(frozen=True)
class Bucket:
    """Rows of one bucket: how many, and the sum of their hashes."""

    rows: int
    total: int


Digest = Mapping[int, Bucket]
"""By number; buckets without rows are left out."""
