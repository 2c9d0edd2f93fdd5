"""Types of columns: what MySQL and MariaDB call them, and the Arrow types that hold them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

import pyarrow as pa

from penstock.core.types import JSON, TIME, TIMESTAMP, TIMESTAMPTZ, decimal_type

_NAME: Final = re.compile(r"'((?:[^']|'')*)'")
_ESCAPE: Final = re.compile(r"''|\\[0nr\\]")
"""How the servers write special signs of names into the catalogue: `append_unescaped`."""
_ESCAPED: Final = {"''": "'", "\\0": "\0", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}


class Kind(Enum):
    """How the values of a column travel."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    REAL = "real"
    BITS = "bits"
    TEXT = "text"
    JSON = "json"
    BYTES = "bytes"
    DATE = "date"
    TIME = "time"
    MOMENT = "moment"
    SHAPE = "shape"


@dataclass(frozen=True)
class Definition:
    """What the catalogue (information_schema.columns) says of a column.

    Args:
        name: as it is.
        data_type: the bare type, e.g. "bigint".
        column_type: with length and sign, e.g. "bigint(20) unsigned", "enum('a','b')".
        nullable: may hold NULL.
        charset: of text types; None for others.
        precision: digits of decimals, bits of bit.
        scale: digits after the point of decimals.
        fraction: digits of a second's fraction.
        is_json: MariaDB keeps JSON as LONGTEXT with a check of `json_valid`.
    """

    name: str
    data_type: str
    column_type: str
    nullable: bool = True
    charset: str | None = None
    precision: int = 0
    scale: int = 0
    fraction: int = 0
    is_json: bool = False

    @property
    def unsigned(self) -> bool:
        # ZEROFILL implies it.
        return "unsigned" in self.column_type or "zerofill" in self.column_type

    @property
    def names(self) -> tuple[str, ...]:
        """Names of an enum or a set, in order."""
        body = self.column_type.partition("(")[2].rpartition(")")[0]
        return tuple(_ESCAPE.sub(lambda it: _ESCAPED[it[0]], name) for name in _NAME.findall(body))


@dataclass(frozen=True)
class Choices:
    """What the user decides about types that have no exact twin.

    Args:
        tinyint1_is_boolean: tinyint(1) holds truth values, or numbers.
        time_is_text: TIME is a time of day, or text (no clock shows "-838:59:59").
    """

    tinyint1_is_boolean: bool = True
    time_is_text: bool = False


_SIGNED: Final = {
    "tinyint": pa.int16(),
    "smallint": pa.int16(),
    "mediumint": pa.int32(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "year": pa.int16(),
}
_UNSIGNED: Final = {
    "tinyint": pa.int32(),
    "smallint": pa.int32(),
    "mediumint": pa.int32(),
    "int": pa.int64(),
    "bigint": pa.decimal128(20, 0),
    "year": pa.int16(),
}
_BYTES: Final = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob",
                           "vector"})  # fmt: skip
_SHAPES: Final = frozenset({
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
    "multipolygon", "geometrycollection", "geomcollection",
})  # fmt: skip
_KINDS: Final = {
    **dict.fromkeys(_SIGNED, Kind.NUMBER),
    "decimal": Kind.NUMBER,
    "float": Kind.REAL,
    "double": Kind.REAL,
    "bit": Kind.BITS,
    "json": Kind.JSON,
    "date": Kind.DATE,
    "time": Kind.TIME,
    "datetime": Kind.MOMENT,
    "timestamp": Kind.MOMENT,
    **dict.fromkeys(_BYTES, Kind.BYTES),
    **dict.fromkeys(_SHAPES, Kind.SHAPE),
}


def kind(column: Definition, choices: Choices) -> Kind:
    """How its values travel; types that are not known are read as text."""
    if column.is_json:
        return Kind.JSON
    if column.column_type == "bit(1)":
        return Kind.BOOLEAN
    if choices.tinyint1_is_boolean and column.column_type == "tinyint(1)":
        return Kind.BOOLEAN
    if column.data_type == "time" and choices.time_is_text:
        return Kind.TEXT
    return _KINDS.get(column.data_type, Kind.TEXT)


def arrow_type(column: Definition, choices: Choices) -> pa.DataType:
    """The Arrow type that holds every value of the column, or all but those refused by name."""
    match kind(column, choices):
        case Kind.BOOLEAN:
            return pa.bool_()
        case Kind.NUMBER if column.data_type == "decimal":
            # At most 65 digits, which decimal256 holds.
            return decimal_type(column.precision - column.scale, column.scale)
        case Kind.NUMBER:
            return (_UNSIGNED if column.unsigned else _SIGNED)[column.data_type]
        case Kind.REAL:
            return pa.float32() if column.data_type == "float" else pa.float64()
        case Kind.BITS | Kind.BYTES:
            return pa.binary()
        case Kind.JSON:
            return JSON
        case Kind.DATE:
            return pa.date32()
        case Kind.TIME:
            return TIME
        case Kind.MOMENT:
            return TIMESTAMPTZ if column.data_type == "timestamp" else TIMESTAMP
    return pa.string()
