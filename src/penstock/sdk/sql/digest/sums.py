"""The statement that sums hashes of rows, from the words of an engine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Final, Protocol

from penstock.core.digest import DigestPlan, Form

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


def digest_sql(
    words: DigestWords,
    plan: DigestPlan,
    texts: Sequence[str],
    origin: str,
    where: Sequence[str],
    key: str = "",
) -> str:
    """Bucket, rows, sum of hashes.

    Args:
        texts: an expression for each column of the plan, in its form, null for null.
        key: expression of the plan's key.
    """
    parts = []
    for (_, form), text in zip(plan.columns, texts, strict=True):
        if form is Form.TEXT:
            text = words.joined([words.length(text), "':'", text])
        parts += [f"coalesce({text}, '-')", "','"]
    bucket = words.divided(f"{key} - ({plan.low})", plan.width) if key else "0"
    conditions = f" WHERE {' AND '.join(where)}" if where else ""
    hashed = words.hashed(words.joined(parts))
    return (
        f"SELECT {bucket} AS bucket, count(*) AS n, sum({hashed}) AS total "
        f"FROM {origin}{conditions} GROUP BY 1"
    )
