"""Column types: their names, their widths, and what the catalogue calls them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from penstock.core.types import JSON, TIME, TIMESTAMP, TIMESTAMPTZ, UUID, Logical, logical

UTC: Final = "UTC"
"""Comment of a column that keeps moments in time; without it a datetime has no zone."""
_NAMES: Final = {
    Logical.BOOLEAN: "tinyint(1)",
    Logical.BYTE: "smallint",
    Logical.SHORT: "smallint",
    Logical.INT: "int",
    Logical.LONG: "bigint",
    Logical.FLOAT: "double",
    Logical.DOUBLE: "double",
    Logical.BYTES: "longblob",
    Logical.DATE: "date",
    Logical.TIME: "time(6)",
    Logical.TIMESTAMP: "datetime(6)",
    Logical.TIMESTAMPTZ: f"datetime(6) COMMENT '{UTC}'",
    Logical.UUID: "char(36) CHARACTER SET ascii COLLATE ascii_bin",
    Logical.JSON: "json",
    Logical.ARRAY: "json",
}
_TYPES: Final = {
    "tinyint(1)": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "mediumint": pa.int32(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    # Not made by us, but users may have such columns.
    "tinyint unsigned": pa.int16(),
    "smallint unsigned": pa.int32(),
    "mediumint unsigned": pa.int32(),
    "int unsigned": pa.int64(),
    "bigint unsigned": pa.decimal128(20, 0),
    "year": pa.int16(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "time": TIME,
    "datetime": TIMESTAMP,
    "timestamp": TIMESTAMPTZ,
    "json": JSON,
    "uuid": UUID,
}
_BYTES: Final = re.compile(r"(tiny|medium|long)?blob|(var)?binary\(\d+\)")
_DECIMAL: Final = re.compile(r"decimal\((\d+),(\d+)\).*")
_WIDTH: Final = re.compile(r"(?<=int)\(\d+\)|(?<=year)\(\d+\)|\(\d\)$")
_VARCHAR: Final = re.compile(r"varchar\((\d+)\)")
MAX_DIGITS: Final = 65
MAX_SCALE: Final = 30
# https://dev.mysql.com/doc/refman/8.4/en/column-count-limit.html
ROW_BYTES: Final = 65_535
# https://dev.mysql.com/doc/refman/8.4/en/innodb-limits.html
KEY_BYTES: Final = 3_072
_CHARACTER: Final = 4
LADDER: Final = (256, 512, 1024, 4096, 16383)
"""Lengths of text columns (pipelines.md 12.10); a longer text is a longtext."""
_SHORT: Final = {
    "tinytext": 255, "text": 65_535, "mediumtext": 16_777_215,
    "tinyblob": 255, "blob": 65_535, "mediumblob": 16_777_215,
}  # fmt: skip
_FIXED: Final = {
    Logical.BOOLEAN: 1, Logical.BYTE: 2, Logical.SHORT: 2, Logical.INT: 4, Logical.LONG: 8,
    Logical.FLOAT: 8, Logical.DOUBLE: 8, Logical.DATE: 3, Logical.TIME: 6, Logical.TIMESTAMP: 8,
    Logical.TIMESTAMPTZ: 8, Logical.UUID: 36,
}  # fmt: skip
_POINTER: Final = 12
"""What a longtext or longblob counts in a row."""


def type_name(kind: pa.DataType) -> str:
    """The type of a column with these values, for text the one without a limit."""
    family = logical(kind)
    if family is Logical.DECIMAL:
        fits = kind.precision <= MAX_DIGITS and kind.scale <= MAX_SCALE
        return f"decimal({kind.precision},{kind.scale})" if fits else "longtext"
    return _NAMES.get(family, "longtext")


@dataclass(frozen=True)
class Stored:
    """A column as the catalogue describes it."""

    name: str
    kind: str
    charset: str | None
    collation: str | None
    comment: str
    is_json: bool = False


def arrow_type(stored: Stored) -> pa.DataType:
    """The Arrow type of a column's values."""
    kind = stored.kind.lower()
    if stored.is_json:
        return JSON
    if found := _DECIMAL.fullmatch(kind):
        precision, scale = int(found[1]), int(found[2])
        make = pa.decimal128 if precision <= 38 else pa.decimal256
        return make(precision, scale)
    if kind == "char(36)" and stored.charset == "ascii":
        return UUID
    if _BYTES.fullmatch(kind):
        return pa.binary()
    plain = kind if kind == "tinyint(1)" else _WIDTH.sub("", kind).removesuffix(" zerofill")
    if plain == "datetime" and stored.comment == UTC:
        return TIMESTAMPTZ
    return _TYPES.get(plain, pa.string())


def text_limit(kind: str) -> int | None:
    """Characters that a varchar holds; None for every other type."""
    found = _VARCHAR.fullmatch(kind.lower())
    return int(found[1]) if found else None


def byte_limit(kind: str) -> int | None:
    """Bytes that a text or blob of less than 4 GB holds; None for every other type."""
    return _SHORT.get(kind.lower())


def row_bytes(kinds: Iterable[str]) -> int:
    """What columns of these types count in a row at most, in 4-byte characters."""
    return sum(_row_bytes(kind.lower()) for kind in kinds)


def _row_bytes(kind: str) -> int:
    if found := re.match(r"(var)?(char|binary)\((\d+)\)", kind):
        size = 1 if found[2] == "binary" or "ascii" in kind else _CHARACTER
        return int(found[3]) * size + 2
    if found := re.match(r"decimal\((\d+),", kind):
        return int(found[1]) // 2 + 2
    return _POINTER if "text" in kind or "blob" in kind or kind == "json" else 8


def key_types(kinds: list[pa.DataType]) -> list[str]:
    """Types of the columns of a key; text and bytes share the room that the others leave."""
    names = [type_name(kind) for kind in kinds]
    wide = [name in ("longtext", "longblob", "json") for name in names]
    fixed = sum(_key_bytes(kind) for kind, is_wide in zip(kinds, wide, strict=True) if not is_wide)
    share = (KEY_BYTES - fixed) // max(sum(wide), 1)
    return [
        name
        if not is_wide
        else (f"varbinary({share})" if name == "longblob" else f"varchar({share // _CHARACTER})")
        for name, is_wide in zip(names, wide, strict=True)
    ]


def _key_bytes(kind: pa.DataType) -> int:
    family = logical(kind)
    return kind.precision // 2 + 2 if family is Logical.DECIMAL else _FIXED[family]


def text_types(count: int, taken: int) -> list[str]:
    """Types of so many new text columns beside columns that count `taken` bytes.

    A quarter of the row is left to columns that come later, and to texts that grow.
    """
    each = _row_bytes(f"varchar({LADDER[0]})")
    room = max((ROW_BYTES * 3 // 4 - taken) // each, 0)
    return [f"varchar({LADDER[0]})" if at < room else "longtext" for at in range(count)]


def longer_type(length: int, taken: int) -> str:
    """The next larger type for a text of so many characters, beside the row's other columns."""
    steps = [step for step in LADDER if step >= length]
    fits = steps and taken + _row_bytes(f"varchar({steps[0]})") <= ROW_BYTES
    return f"varchar({steps[0]})" if fits else "longtext"
