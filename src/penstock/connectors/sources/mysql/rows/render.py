"""SQL that lets the server write each row as one line of CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from penstock.connectors.sources.mysql.types import Choices, Definition, Kind, kind

_UTF8: Final = frozenset({"utf8mb4", "utf8mb3", "utf8", "ascii"})
"""Character sets whose bytes are UTF-8 as they are."""
QUOTE: Final = b"\x0e"
"""Stands around text, and is doubled inside. Not `"`: texts like JSON hold many, and the time that
`replace` takes grows with their number times the length of the text."""
_Q: Final = f"x'{QUOTE.hex()}'"


def ident(name: str) -> str:
    """A quoted identifier."""
    return "`" + name.replace("`", "``") + "`"


def line(values: Sequence[str]) -> str:
    """The expression of a row's line: a leading comma, the values, the byte 0xFF.

    The line is a binary string, so that neither collations nor the character set of the
    connection matter. It is NULL when it, or a part of it, exceeds max_allowed_packet.

    Args:
        values: expressions as `value` makes them.
    """
    joined = ",',',".join(values)
    return f"concat(',',{joined},x'ff')"


def bare(column: Definition, choices: Choices) -> str:
    """The value alone as a binary string: bytes as they are, all else as in the line."""
    name = ident(column.name)
    if kind(column, choices) is Kind.BYTES:
        return name
    return f"convert({_plain(column, choices, name)} using binary)"


def value(column: Definition, choices: Choices) -> str:
    """The value in a line: NULL is nothing; every text, also empty text, is quoted."""
    name = ident(column.name)
    text = _plain(column, choices, name)
    match kind(column, choices):
        case Kind.BYTES | Kind.BITS | Kind.SHAPE:
            text = f"concat({_Q},{text},{_Q})"
        case Kind.TEXT | Kind.JSON:
            text = f"concat({_Q},replace({text},{_Q},x'{2 * QUOTE.hex()}'),{_Q})"
    # Not ifnull(text, ''): a text past max_allowed_packet comes as NULL too, and is none.
    return f"if({name} is null,'',{text})" if column.nullable else text


def _plain(column: Definition, choices: Choices, name: str) -> str:
    match kind(column, choices):
        case Kind.NUMBER | Kind.DATE | Kind.TIME | Kind.MOMENT:
            return name
        case Kind.BOOLEAN:
            return f"{name}+0"
        case Kind.REAL:
            # FLOAT is shown with six digits; as DOUBLE, with all that tell it from its neighbours.
            return f"{name}+0e0"
        case Kind.BITS:
            return f"lpad(hex({name}+0),{2 * bit_bytes(column)},'0')"
        case Kind.BYTES:
            return f"hex({name})"
        case Kind.SHAPE:
            return f"st_astext({name})"
    return as_utf8(column, name)


def as_utf8(column: Definition, name: str) -> str:
    """The text as a binary string of UTF-8."""
    if column.charset in _UTF8 and column.data_type != "json":
        return f"convert({name} using binary)"
    if column.charset is None or column.data_type == "json":
        name = f"cast({name} as char)"
    return f"convert(convert({name} using utf8mb4) using binary)"


def bit_bytes(column: Definition) -> int:
    """Bytes that a bit column of this width takes."""
    return (column.precision + 7) // 8
