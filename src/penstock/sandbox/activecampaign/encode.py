"""Rows as JSON text, plain or as PHP writes it, and a bounded store of encoded rows."""

import json
from collections.abc import Callable
from typing import Any

import msgspec

Encode = Callable[[Any], bytes]

plain: Encode = msgspec.json.encode


def php(value: Any) -> bytes:
    """As `json_encode` without flags: ASCII only, slashes escaped."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


class RowCache:
    """Encoded rows by table and id; the oldest leave when the limit is reached."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._rows: dict[tuple[str, int], bytes] = {}
        self._held = 0

    def get(self, table: str, row_id: int) -> bytes | None:
        return self._rows.get((table, row_id))

    def put(self, table: str, row_id: int, row: bytes) -> None:
        if len(row) > self._limit:
            return
        while self._held + len(row) > self._limit:
            self._held -= len(self._rows.pop(next(iter(self._rows))))
        self._rows[table, row_id] = row
        self._held += len(row)

    def forget(self, table: str, row_id: int) -> None:
        self._held -= len(self._rows.pop((table, row_id), b""))

    def forget_table(self, table: str) -> None:
        for key in [key for key in self._rows if key[0] == table]:
            self.forget(*key)
