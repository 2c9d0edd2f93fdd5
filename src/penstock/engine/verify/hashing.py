"""How the embedded database hashes rows of a comparison, and what it may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

_LONG_DIGITS: Final = 18
"""Decimals of so many digits are kept in 64 bits."""
_LEAST_MB: Final = 48
"""With less the engine has no room for the joins of a comparison that spills."""
COLUMN_BYTES: Final = 128_000
"""The engine holds a few vectors of 2,048 values of every column, of 16 bytes each for texts."""


def ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def hash_of(fields: Sequence[pa.Field]) -> str:
    """An expression of 64 bits; values that differ in any bit have other ones."""
    parts = [part for field in fields for part in _hashable(field)]
    return f"hash({', '.join(parts)})" if parts else "0::UBIGINT"


def memory_settings(memory_bytes: int, columns: int) -> Mapping[str, str | int | bool]:
    """Settings of a connection that keeps to this memory, if rows of so many columns can."""
    least = max(_LEAST_MB, columns * COLUMN_BYTES // 1_000_000)
    return {
        "threads": 1,
        "memory_limit": f"{max(memory_bytes // 1_000_000, least)}MB",
        "autoinstall_known_extensions": False,
    }


def _hashable(field: pa.Field) -> list[str]:
    name = ident(field.name)
    if pa.types.is_decimal(field.type) and field.type.precision > _LONG_DIGITS:
        # The two halves of a number of 128 bits are mixed so that 0 and -1 hash alike.
        return [f"CAST({name} AS VARCHAR)"]
    if pa.types.is_floating(field.type):
        # Both zeros hash alike.
        return [name, f"signbit({name})"]
    return [name]
