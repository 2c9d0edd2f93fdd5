"""The statement that sums hashes of rows, from the words of an engine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from penstock.core.digest import Columns, DigestPlan, Form, KeyBuckets

DIGITS: Final = 15
"""Hexadecimal digits of a hash: 60 bits, so that no engine's 64 need a sign."""
MOST_COLUMNS: Final = 200
"""An expression of more is planned for longer than it saves."""


class DigestWords(Protocol):
    """Where engines differ in a digest."""

    @abstractmethod
    def ident(self, name: str) -> str:
        """The name, quoted."""

    def joined(self, parts: Sequence[str]) -> str:
        """Texts one after the other."""
        return " || ".join(parts)

    def length(self, text: str) -> str:
        """Characters (code points) of a text, as text."""
        return f"CAST(length({text}) AS VARCHAR)"

    @abstractmethod
    def hashed(self, text: str) -> str:
        """The number of the first 60 bits of the MD5 of a text in UTF-8."""

    def divided(self, number: str, by: int) -> str:
        """A whole number that is not negative, divided and rounded down."""
        return f"({number}) / {by}"


TextOf = Callable[[str, Form], str | None]
"""An expression for a column in a form, null for null; None when the engine cannot write it."""


def digest_sql(
    words: DigestWords, plan: DigestPlan, text_of: TextOf, origin: str, where: Sequence[str]
) -> str | None:
    """Bucket, rows, sum of hashes; None when a column cannot be written in its form."""
    hashed = _hash(words, plan.columns, text_of)
    bucket: str | None = "0"
    if plan.buckets is not None:
        bucket = _bucket(words, plan.buckets, text_of)
    elif plan.key is not None:
        bucket = words.divided(f"{words.ident(plan.key)} - ({plan.low})", plan.width)
    if hashed is None or bucket is None:
        return None
    conditions = f" WHERE {' AND '.join(where)}" if where else ""
    return (
        f"SELECT {bucket} AS bucket, count(*) AS n, sum({hashed}) AS total "
        f"FROM {origin}{conditions} GROUP BY 1"
    )


def in_buckets(words: DigestWords, buckets: KeyBuckets, text_of: TextOf) -> str | None:
    """The condition of rows in these buckets; None when the engine cannot tell."""
    bucket = _bucket(words, buckets, text_of)
    return f"{bucket} IN ({', '.join(map(str, buckets.numbers))})" if bucket else None


def _bucket(words: DigestWords, buckets: KeyBuckets, text_of: TextOf) -> str | None:
    hashed = _hash(words, buckets.columns, text_of)
    return f"({hashed}) % {buckets.count}" if hashed else None


def _hash(words: DigestWords, columns: Columns, text_of: TextOf) -> str | None:
    parts = []
    for name, form in columns:
        text = text_of(name, form)
        if text is None:
            return None
        if form is Form.TEXT:
            text = words.joined([words.length(text), "':'", text])
        parts += [f"coalesce({text}, '-')", "','"]
    return words.hashed(words.joined(parts))
