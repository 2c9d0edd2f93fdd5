"""One open transaction, as the shared SQL sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Tx(Protocol):
    """Runs statements inside one transaction. Values are `?` in every dialect."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement; rows affected, -1 where the driver cannot tell."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query (small ones)."""


def one(tx: Tx, sql: str, values: Sequence[Any] = ()) -> Any:
    """The single value of a query."""
    return tx.rows(sql, values)[0][0]
