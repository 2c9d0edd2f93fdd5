"""TABLE_MAP events: the shape of the rows that follow.

https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Table__map__event.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from penstock.connectors.sources.mysql.log.events import HEAD, lenenc

DECIMAL: Final = 0
TINY: Final = 1
SHORT: Final = 2
LONG: Final = 3
FLOAT: Final = 4
DOUBLE: Final = 5
NULL: Final = 6
TIMESTAMP: Final = 7
LONGLONG: Final = 8
INT24: Final = 9
DATE: Final = 10
TIME: Final = 11
DATETIME: Final = 12
YEAR: Final = 13
NEWDATE: Final = 14
VARCHAR: Final = 15
BIT: Final = 16
TIMESTAMP2: Final = 17
DATETIME2: Final = 18
TIME2: Final = 19
BLOB_COMPRESSED: Final = 140
VARCHAR_COMPRESSED: Final = 141
VECTOR: Final = 242
JSON: Final = 245
NEWDECIMAL: Final = 246
ENUM: Final = 247
SET: Final = 248
BLOB: Final = 252
VAR_STRING: Final = 253
STRING: Final = 254
GEOMETRY: Final = 255

_META_BYTES: Final = {
    FLOAT: 1, DOUBLE: 1, BLOB: 1, GEOMETRY: 1, JSON: 1, VECTOR: 1, BLOB_COMPRESSED: 1,
    TIMESTAMP2: 1, DATETIME2: 1, TIME2: 1,
    VARCHAR: 2, VARCHAR_COMPRESSED: 2, VAR_STRING: 2, BIT: 2, NEWDECIMAL: 2, STRING: 2, ENUM: 2,
    SET: 2,
}  # fmt: skip
_NUMERIC: Final = frozenset(
    {TINY, SHORT, INT24, LONG, LONGLONG, NEWDECIMAL, FLOAT, DOUBLE, YEAR, DECIMAL}
)
_CHARACTERS: Final = frozenset(
    {VARCHAR, VAR_STRING, STRING, BLOB, VARCHAR_COMPRESSED, BLOB_COMPRESSED}
)
"""What has a collation, which bytes have too (63); ENUM and SET tell theirs elsewhere."""
_FIXED: Final = {
    TINY: 1, SHORT: 2, INT24: 3, LONG: 4, LONGLONG: 8, FLOAT: 4, DOUBLE: 8, YEAR: 1, DATE: 3,
    NEWDATE: 3, TIME: 3, TIMESTAMP: 4, DATETIME: 8, NULL: 0,
}  # fmt: skip
_DIGIT_BYTES: Final = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
_SIGNEDNESS, _DEFAULT_CHARSET, _COLUMN_CHARSET, _NAMES, _SETS, _ENUMS = 1, 2, 3, 4, 5, 6
_PRIMARY_KEY: Final = 8


@dataclass(frozen=True)
class Kind:
    """The type of a column in the log.

    Args:
        code: one of the constants above; ENUM and SET in place of the STRING that hides them.
        meta: its second number: bytes of a length, digits of a fraction, a length.
        more: digits of a decimal (`meta` then are those after the point).
    """

    code: int
    meta: int = 0
    more: int = 0

    @property
    def width(self) -> int | None:
        """Bytes of a value; None when each value says so itself."""
        code, meta = self.code, self.meta
        if code in _FIXED:
            return _FIXED[code]
        if code == BIT:
            return (meta + 7) // 8
        if code in (ENUM, SET):
            return meta
        if code == TIMESTAMP2:
            return 4 + (meta + 1) // 2
        if code == DATETIME2:
            return 5 + (meta + 1) // 2
        if code == TIME2:
            return 3 + (meta + 1) // 2
        if code == NEWDECIMAL:
            whole = self.more - meta
            return sum(4 * (part // 9) + _DIGIT_BYTES[part % 9] for part in (whole, meta))
        return None

    @property
    def length_bytes(self) -> int:
        """Bytes of the length before a value that has one."""
        if self.code in (VARCHAR, VAR_STRING, VARCHAR_COMPRESSED, STRING):
            return 2 if self.meta > 255 else 1
        return self.meta


@dataclass(frozen=True)
class Extra:
    """What the log says of the columns beyond their types (binlog_row_metadata).

    Args:
        unsigned: by number of the column; MySQL always, MariaDB with MINIMAL and FULL.
        names: with FULL; empty otherwise.
        collations: numbers of those of text and bytes, by number of the column; with FULL.
    """

    unsigned: dict[int, bool] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    collations: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TableMap:
    """One table as it is from here on."""

    number: int
    database: str
    table: str
    kinds: tuple[Kind, ...]
    extra: Extra

    @property
    def name(self) -> tuple[str, str]:
        return self.database, self.table


def table_map(data: bytes, id_bytes: int = 6) -> TableMap:
    """A TABLE_MAP event, given without its checksum.

    Raises:
        ValueError: a type is not known.
    """
    number = int.from_bytes(data[HEAD : HEAD + id_bytes], "little")
    database, table = table_name(data, id_bytes)
    names = len(database.encode()) + len(table.encode())
    count, at = lenenc(data, HEAD + id_bytes + 2 + names + 4)
    codes = data[at : at + count]
    size, at = lenenc(data, at + count)
    kinds = tuple(_kinds(codes, data[at : at + size]))
    # What may be null is said here; each row says it too.
    at += size + (count + 7) // 8
    return TableMap(number, database, table, kinds, _extra(data, at, codes, kinds))


def table_name(data: bytes, id_bytes: int = 6) -> tuple[str, str]:
    """Database and table of a TABLE_MAP event, whatever its columns are."""
    at = HEAD + id_bytes + 2
    size = data[at]
    database = data[at + 1 : at + 1 + size]
    at += size + 2
    return database.decode(), data[at + 1 : at + 1 + data[at]].decode()


def _kinds(codes: bytes, metas: bytes) -> Iterator[Kind]:
    at = 0
    for code in codes:
        size = _META_BYTES.get(code, 0)
        if not size and code not in _FIXED:
            raise ValueError(f"a column of type {code}")
        raw = metas[at : at + size]
        at += size
        yield _kind(code, raw)


def _kind(code: int, raw: bytes) -> Kind:
    if code == NEWDECIMAL:
        return Kind(code, raw[1], raw[0])
    if code == BIT:
        return Kind(code, raw[1] * 8 + raw[0])
    if code in (STRING, ENUM, SET):
        real, size = raw
        if real in (ENUM, SET):
            return Kind(real, size)
        if real & 0x30 != 0x30:
            # Two bits of a long length are hidden in the type.
            size |= ((real & 0x30) ^ 0x30) << 4
        return Kind(STRING, size)
    return Kind(code, int.from_bytes(raw, "little"))


def _extra(data: bytes, at: int, codes: bytes, kinds: Sequence[Kind]) -> Extra:
    unsigned: dict[int, bool] = {}
    names: tuple[str, ...] = ()
    collations: dict[int, int] = {}
    texts = [i for i, kind in enumerate(kinds) if kind.code in _CHARACTERS]
    while at + 2 <= len(data):
        kind = data[at]
        size, at = lenenc(data, at + 1)
        value = data[at : at + size]
        at += size
        if kind == _SIGNEDNESS:
            numeric = [i for i, code in enumerate(codes) if code in _NUMERIC]
            bits = [bool(byte >> (7 - bit) & 1) for byte in value for bit in range(8)]
            unsigned = dict(zip(numeric, bits, strict=False))
        elif kind == _NAMES:
            names = tuple(_texts(value))
        elif kind == _DEFAULT_CHARSET:
            default, *others = _numbers(value)
            collations = dict.fromkeys(texts, default)
            pairs = zip(others[::2], others[1::2], strict=True)
            collations |= {texts[place]: collation for place, collation in pairs}
        elif kind == _COLUMN_CHARSET:
            collations = dict(zip(texts, _numbers(value), strict=False))
    return Extra(unsigned, names, collations)


def _numbers(value: bytes) -> Iterator[int]:
    at = 0
    while at < len(value):
        number, at = lenenc(value, at)
        yield number


def _texts(value: bytes) -> Iterator[str]:
    at = 0
    while at < len(value):
        size, at = lenenc(value, at)
        yield value[at : at + size].decode()
        at += size
