"""Positions in PostgreSQL's log: 64-bit numbers, written as two hexadecimal halves."""

from __future__ import annotations


def lsn_text(position: int) -> str:
    """As the server writes it, 16/B374D848."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def lsn_number(text: str) -> int:
    """
    >>> lsn_number("16/B374D848")
    97500059720
    """
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)
