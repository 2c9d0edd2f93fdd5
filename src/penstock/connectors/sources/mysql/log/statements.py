"""Statements in the log: what they are, and which tables they change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from penstock.connectors.sources.mysql.log.compressed import query_text_at
from penstock.connectors.sources.mysql.log.events import HEAD

Name = tuple[str, str]


class Does(Enum):
    """What a statement means for somebody who reads rows."""

    BEGIN = "a transaction begins"
    END = "a transaction ends"
    NOTHING = "nothing that rows depend on"
    SHAPE = "tables are made, changed or dropped"
    TRUNCATE = "a table is emptied"
    ROWS = "rows are changed, and the log has the statement alone"


_COMMENT: Final = re.compile(r"\s*(?:/\*(?!!|M!).*?\*/|--[ \t][^\n]*\n|#[^\n]*\n)", re.DOTALL)
_VERSIONED: Final = re.compile(r"/\*M?!\d*(.*?)\*/", re.DOTALL)
_NAME: Final = r"(?:`((?:[^`]|``)+)`|([\w$]+))"
_TRUNCATE: Final = re.compile(
    rf"TRUNCATE\s+(?:TABLE\s+)?{_NAME}(?:\s*\.\s*{_NAME})?", re.IGNORECASE
)
_RENAME: Final = re.compile(r"RENAME\s+TABLES?\b", re.IGNORECASE)
_NEW_NAME: Final = re.compile(rf"\bTO\s+{_NAME}(?:\s*\.\s*{_NAME})?", re.IGNORECASE)
_RENAMED: Final = re.compile(
    rf"\bRENAME\s+(?!COLUMN\b|INDEX\b|KEY\b)(?:(?:TO|AS)\s+)?{_NAME}(?:\s*\.\s*{_NAME})?",
    re.IGNORECASE,
)
_SHAPE: Final = re.compile(r"(?:CREATE|ALTER|DROP|RENAME)\b", re.IGNORECASE)
_NO_SHAPE: Final = re.compile(
    r"(?:CREATE|ALTER|DROP|RENAME)\s+(?:OR\s+REPLACE\s+)?(?:DEFINER\s*=\s*\S+\s+)?"
    r"(?:USER|ROLE|FUNCTION|PROCEDURE|TRIGGER|EVENT|VIEW|SERVER|SEQUENCE|PACKAGE)\b",
    re.IGNORECASE,
)
_ROWS: Final = re.compile(r"(?:INSERT|UPDATE|DELETE|REPLACE|LOAD\s+DATA|WITH)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """A QUERY event.

    Args:
        database: the default one; "" when there is none.
        table: of a TRUNCATE.
        named: tables that have their name from a RENAME.
    """

    does: Does
    database: str
    text: str
    table: Name | None = None
    named: tuple[Name, ...] = ()


def statement(data: bytes) -> Statement:
    """Of a QUERY event without its checksum."""
    at = query_text_at(data)
    size = data[HEAD + 8]
    database = data[at - 1 - size : at - 1].decode("utf-8", "replace")
    text = data[at:].decode("utf-8", "replace")
    upper = text[:9].upper()
    if upper == "BEGIN" or upper.startswith(("SAVEPOINT", "ROLLBACK ")):
        # ROLLBACK TO: what was taken back is not in the log.
        return Statement(Does.BEGIN if upper == "BEGIN" else Does.NOTHING, database, text)
    if upper in ("COMMIT", "ROLLBACK"):
        return Statement(Does.END, database, text)
    return _other(_bare(text), database, text)


def _other(bare: str, database: str, text: str) -> Statement:
    if match := _TRUNCATE.match(bare):
        return Statement(Does.TRUNCATE, database, text, _table(match, database))
    if _SHAPE.match(bare) and not _NO_SHAPE.match(bare):
        new = _NEW_NAME if _RENAME.match(bare) else _RENAMED
        named = tuple(_table(match, database) for match in new.finditer(bare))
        return Statement(Does.SHAPE, database, text, named=named)
    return Statement(Does.ROWS if _ROWS.match(bare) else Does.NOTHING, database, text)


def _table(match: re.Match[str], database: str) -> Name:
    first, second = match[1] or match[2], match[3] or match[4]
    table = (first, second) if second else (database, first)
    return table[0].replace("``", "`"), table[1].replace("``", "`")


def _bare(text: str) -> str:
    """Without comments before the first word; comments that are executed count as text."""
    while match := _COMMENT.match(text):
        text = text[match.end() :]
    return _VERSIONED.sub(r"\1", text).lstrip()
