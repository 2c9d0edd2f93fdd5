"""The logical types users see and the Arrow types that carry them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import pyarrow as pa

from penstock.core.errors import ConfigError

JSON: Final = pa.json_(pa.string())
"""Compact JSON text; Parquet and DuckDB know this extension type as JSON."""
UUID: Final = pa.uuid()
TIMETZ: Final = pa.opaque(pa.string(), "TIMETZ", "penstock")
"""A time of day with an offset, as text: Arrow has no type for it."""
TIME: Final = pa.time64("us")
TIMESTAMP: Final = pa.timestamp("us")
TIMESTAMPTZ: Final = pa.timestamp("us", tz="UTC")

MAX_DIGITS: Final = 76
"""Digits of decimal256, the widest number Arrow holds exactly."""


class Logical(StrEnum):
    """The families of section 12.8; precision and item type are left to the Arrow type."""

    UNKNOWN = "UNKNOWN"
    BOOLEAN = "BOOLEAN"
    BYTE = "BYTE"
    SHORT = "SHORT"
    INT = "INT"
    LONG = "LONG"
    DECIMAL = "DECIMAL"
    FLOAT = "FLOAT"
    DOUBLE = "DOUBLE"
    STRING = "STRING"
    BYTES = "BYTES"
    DATE = "DATE"
    TIME = "TIME"
    TIMETZ = "TIMETZ"
    TIMESTAMP = "TIMESTAMP"
    TIMESTAMPTZ = "TIMESTAMPTZ"
    UUID = "UUID"
    JSON = "JSON"
    ARRAY = "ARRAY"


_ARROW: Final[dict[Logical, pa.DataType]] = {
    Logical.UNKNOWN: pa.null(),
    Logical.BOOLEAN: pa.bool_(),
    Logical.BYTE: pa.int8(),
    Logical.SHORT: pa.int16(),
    Logical.INT: pa.int32(),
    Logical.LONG: pa.int64(),
    Logical.FLOAT: pa.float32(),
    Logical.DOUBLE: pa.float64(),
    Logical.STRING: pa.string(),
    Logical.BYTES: pa.binary(),
    Logical.DATE: pa.date32(),
    Logical.TIME: TIME,
    Logical.TIMETZ: TIMETZ,
    Logical.TIMESTAMP: TIMESTAMP,
    Logical.TIMESTAMPTZ: TIMESTAMPTZ,
    Logical.UUID: UUID,
    Logical.JSON: JSON,
}
_LOGICAL: Final = {arrow: logical for logical, arrow in _ARROW.items()}
_UNSIGNED: Final = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
}
_DECIMAL: Final = re.compile(r"DECIMAL\((\d+),(\d+)\)")


def data_type(item: pa.Field | pa.DataType) -> pa.DataType:
    """The type itself, whether a field or a type is given."""
    return item.type if isinstance(item, pa.Field) else item


def normal(item: pa.Field | pa.DataType) -> pa.DataType:
    """The one Arrow type we use for this kind of data.

    Timestamps and times get microseconds, zones become UTC, unsigned integers the next
    wider signed type, structs and maps JSON, dictionaries the type of their values.
    """
    kind = data_type(item)
    if kind in _LOGICAL:
        return kind
    if pa.types.is_timestamp(kind):
        return TIMESTAMPTZ if kind.tz else TIMESTAMP
    if pa.types.is_dictionary(kind):
        return normal(kind.value_type)
    return _UNSIGNED.get(kind) or _normal_family(kind)


def _normal_family(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_decimal(kind):
        return decimal_type(kind.precision - kind.scale, kind.scale) or pa.string()
    if types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if (
        types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    ):
        return pa.binary()
    if types.is_date(kind):
        return pa.date32()
    if types.is_time(kind):
        return TIME
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return pa.list_(normal(kind.value_type))
    if types.is_nested(kind) or isinstance(kind, pa.JsonType):
        return JSON
    return pa.string()


def logical(item: pa.Field | pa.DataType) -> Logical:
    """The family of a type; types we do not use ourselves count as their nearest (`normal`)."""
    kind = normal(item)
    if pa.types.is_decimal(kind):
        return Logical.DECIMAL
    if pa.types.is_list(kind):
        return Logical.ARRAY
    return _LOGICAL[kind]


def logical_name(item: pa.Field | pa.DataType) -> str:
    """What users read, e.g. "LONG", "DECIMAL(10,2)", "TIMESTAMPTZ", "JSON"."""
    kind = normal(item)
    family = logical(kind)
    return f"DECIMAL({kind.precision},{kind.scale})" if family is Logical.DECIMAL else family.value


def arrow_type(name: str) -> pa.DataType:
    """The Arrow type of a logical name as `logical_name` writes it; an ARRAY is one of strings.

    Raises:
        ConfigError: there is no such type.
    """
    plain = re.sub(r"\s", "", name).upper()
    if found := _DECIMAL.fullmatch(plain):
        precision, scale = int(found[1]), int(found[2])
        if scale <= precision <= MAX_DIGITS and precision > 0:
            return decimal_type(precision - scale, scale)
    if plain == Logical.ARRAY:
        return pa.list_(pa.string())
    plain = re.sub(r"^STRING\(\d+\)$", "STRING", plain).replace("STRUCT", "JSON")
    if plain in _ARROW:
        return _ARROW[Logical(plain)]
    known = ", ".join([*_ARROW, "DECIMAL(p,s)"])
    raise ConfigError(
        f"There is no type {name}.", hint=f"Choose one of: {known}.", code="config.type"
    )


def decimal_type(whole: int, scale: int) -> pa.DataType | None:
    """A decimal with so many digits before and after the point; None past 76 digits."""
    digits = max(whole + scale, 1)
    if digits <= 38:
        return pa.decimal128(digits, scale)
    return pa.decimal256(digits, scale) if digits <= MAX_DIGITS else None


def is_json(item: pa.Field | pa.DataType) -> bool:
    """Whether the column holds JSON text."""
    return isinstance(data_type(item), pa.JsonType)


def json_field(name: str) -> pa.Field:
    """A nullable column of JSON text."""
    return pa.field(name, JSON)


def json_array(texts: pa.StringArray) -> pa.ExtensionArray:
    """JSON texts as a JSON column, without a copy and without a check."""
    return pa.ExtensionArray.from_storage(JSON, texts)
