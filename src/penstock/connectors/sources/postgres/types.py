"""PostgreSQL's types as Arrow types (sources.md 3.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from penstock.core.types import JSON, MAX_DIGITS, TIME, TIMESTAMP, TIMESTAMPTZ

_PLAIN: Final = {
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "oid": pa.int64(),
    "bool": pa.bool_(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "date": pa.date32(),
    "time": TIME,
    "timestamp": TIMESTAMP,
    "timestamptz": TIMESTAMPTZ,
    "json": JSON,
    "jsonb": JSON,
    "bytea": pa.binary(),
    "varbit": pa.binary(),
}
_MONEY_DIGITS: Final = 19
_MOST_PRECISION: Final = 1000
_NUMERIC_HEADER: Final = 4
"""Bytes that a type modifier counts besides its value: VARHDRSZ of PostgreSQL."""


_CAN_BE_ODD: Final = frozenset({"numeric", "date", "time", "timestamp", "timestamptz"})
"""They have values for which Arrow has no place: NaN, infinity, BC, years above 9999, 24:00."""


@dataclass(frozen=True)
class Forms:
    """Choices that hold for all columns of a source.

    Args:
        money_scale: digits after the point of the server's money.
        odd_as_text: columns that can have values without a place in Arrow are read as text.
        xmin: tables get the column `_ps_xmin`.
    """

    money_scale: int = 2
    odd_as_text: bool = False
    xmin: bool = False


@dataclass(frozen=True)
class PgType:
    """One column's type as the catalogue gives it.

    Args:
        name: `pg_type.typname`; of a domain its own.
        kind: `pg_type.typtype`: b base, d domain, e enum, c composite, r range, m multirange.
        modifier: `pg_attribute.atttypmod`, -1 for none.
        forms: what is the same for all columns of a source.
    """

    name: str
    kind: str = "b"
    modifier: int = -1
    forms: Forms = Forms()

    @staticmethod
    def of_result(
        name: str, kind: str, precision: int | None, scale: int | None, forms: Forms
    ) -> PgType:
        """The type of a query's column; the driver tells precision and scale of numerics."""
        if name != "numeric" or not precision or precision > _MOST_PRECISION:
            return PgType(name, kind, forms=forms)
        modifier = (precision << 16 | (scale or 0) & 0x7FF) + _NUMERIC_HEADER
        return PgType(name, kind, modifier, forms)

    @property
    def arrow(self) -> pa.DataType:
        """What batches have; null for numbers without declared digits, learned from the values."""
        if self.kind != "b" or (self.forms.odd_as_text and self.name in _CAN_BE_ODD):
            return pa.string()
        if self.name == "numeric":
            return self._numeric()
        if self.name == "money":
            return pa.decimal128(_MONEY_DIGITS, self.forms.money_scale)
        if self.name == "bit":
            return pa.bool_() if self.modifier == 1 else pa.binary()
        return _PLAIN.get(self.name, pa.string())

    def _numeric(self) -> pa.DataType:
        if self.modifier < 0:
            return pa.null()
        precision = (self.modifier - _NUMERIC_HEADER) >> 16
        # Eleven bits with a sign since PostgreSQL 15, where a scale may be negative.
        scale = (((self.modifier - _NUMERIC_HEADER) & 0x7FF) ^ 1024) - 1024
        digits = max(precision, scale) if scale >= 0 else precision - scale
        if digits > MAX_DIGITS:
            return pa.null()
        make = pa.decimal128 if digits <= 38 else pa.decimal256
        return make(digits, max(scale, 0))

    def select(self, ident: str) -> str:
        """What to write in a select list: the column, in a text form that can be read exactly."""
        if self.kind != "b":
            return ident
        if self.name == "money":
            return f"{ident}::numeric"
        if self.name == "bytea":
            return f"encode({ident}, 'hex')"
        if self.name == "bit" and self.modifier == 1:
            return f"({ident} = B'1')"
        return ident


_SAFE: Final = re.compile(r"[a-z_][a-z0-9_]*")


def cast_name(namespace: str, name: str) -> str:
    """The type's name for a cast, whatever the search path."""
    return f"{_quoted(namespace)}.{_quoted(name)}"


def _quoted(name: str) -> str:
    return name if _SAFE.fullmatch(name) else '"' + name.replace('"', '""') + '"'
