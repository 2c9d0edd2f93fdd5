"""Types and text forms of DuckDB."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from penstock.core.digest import Form
from penstock.core.types import (
    JSON,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID,
    Logical,
    logical,
    normal,
)
from penstock.sdk.sql import Dialect
from penstock.sdk.sql.digest.sums import DIGITS, DigestWords

_NAMES: Final = {
    Logical.BOOLEAN: "BOOLEAN",
    Logical.BYTE: "SMALLINT",
    Logical.SHORT: "SMALLINT",
    Logical.INT: "INTEGER",
    Logical.LONG: "BIGINT",
    Logical.FLOAT: "FLOAT",
    Logical.DOUBLE: "DOUBLE",
    Logical.BYTES: "BLOB",
    Logical.DATE: "DATE",
    Logical.TIME: "TIME",
    Logical.TIMESTAMP: "TIMESTAMP",
    Logical.TIMESTAMPTZ: "TIMESTAMP WITH TIME ZONE",
    Logical.UUID: "UUID",
    Logical.JSON: "JSON",
    Logical.ARRAY: "JSON",
}
_TYPES: Final = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    # Not made by us, but users may have such columns.
    "UTINYINT": pa.int16(),
    "USMALLINT": pa.int32(),
    "UINTEGER": pa.int64(),
    "UBIGINT": pa.decimal128(20, 0),
    "HUGEINT": pa.decimal128(38, 0),
    "TIMESTAMP_S": TIMESTAMP,
    "TIMESTAMP_MS": TIMESTAMP,
    "TIMESTAMP_NS": TIMESTAMP,
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIME": TIME,
    "TIMESTAMP": TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": TIMESTAMPTZ,
    "UUID": UUID,
    "JSON": JSON,
}
MAX_DIGITS: Final = 38
_LONG_DIGITS: Final = 18
"""Decimals of so many digits are kept in 64 bits."""


_FORMS: Final = {
    Form.INTEGER: "CAST({} AS VARCHAR)",
    # Without whole digits the engine leaves out the zero before the point.
    Form.DECIMAL: r"regexp_replace(CAST({} AS VARCHAR), '^(-?)\.', '\10.')",
    # The same digits; a whole number is written with a fraction here.
    Form.DOUBLE: r"regexp_replace(CAST(CAST({} AS DOUBLE) AS VARCHAR), '\.0$', '')",
    Form.BOOLEAN: "CAST({} AS VARCHAR)",
    Form.TEXT: "{}",
    Form.BYTES: "lower(hex({}))",
    Form.DATE: "CAST({} AS VARCHAR)",
    Form.TIME: "CAST({} AS VARCHAR)",
    Form.TIMESTAMP: "CAST({} AS VARCHAR)",
    Form.TIMESTAMPTZ: "CAST(timezone('UTC', {}) AS VARCHAR)",
    Form.JSON: "CAST({} AS VARCHAR)",
}


class _DuckDbDigest(DigestWords):
    def ident(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def hashed(self, text: str) -> str:
        return f"CAST('0x' || left(md5({text}), {DIGITS}) AS BIGINT)"

    def divided(self, number: str, by: int) -> str:
        return f"({number}) // {by}"


class DuckDbDialect(Dialect):
    """DuckDB 1.4 and later."""

    name = "DuckDB"
    place = "rowid"

    def type_name(self, field: pa.Field) -> str:
        kind = field.type
        family = logical(kind)
        if family is Logical.DECIMAL:
            # Wider numbers than the engine has stay exact as text.
            fits = kind.precision <= MAX_DIGITS
            return f"DECIMAL({kind.precision},{kind.scale})" if fits else "VARCHAR"
        return _NAMES.get(family, "VARCHAR")

    def arrow_type(self, name: str) -> pa.DataType:
        if found := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", name):
            return pa.decimal128(int(found[1]), int(found[2]))
        return _TYPES.get(name, pa.string())

    def returned(self, field: pa.Field) -> pa.DataType:
        kind = normal(field)
        return pa.string() if kind == UUID else kind

    def fetched(self, field: pa.Field) -> str:
        kind = normal(field)
        name = "VARCHAR" if kind in (UUID, JSON) else self.type_name(field)
        return f"CAST({self.ident(field.name)} AS {name})"

    @property
    def digests(self) -> DigestWords:
        return _DuckDbDigest()

    def digested(self, field: pa.Field, form: Form) -> str | None:
        return _FORMS[form].format(self.ident(field.name))

    def fingerprint(self, values: Sequence[tuple[str, pa.Field]]) -> str:
        """64 bits: that a changed row has the same by chance is one case in 10**19."""
        return f"hash({', '.join(_hashable(*value) for value in values)})"

    def moment(self, expression: str) -> str:
        return f"make_timestamp(({expression}) * 1000)"

    def epoch_ms(self, expression: str) -> str:
        return f"epoch_ms({expression})"

    def to_text(self, expression: str, kind: pa.DataType) -> str:
        family = logical(kind)
        if family is Logical.BOOLEAN:
            return f"CASE WHEN {expression} THEN 'true' WHEN NOT {expression} THEN 'false' END"
        if family in (Logical.TIMESTAMP, Logical.TIMESTAMPTZ):
            zone = "Z" if family is Logical.TIMESTAMPTZ else ""
            plain = f"CAST({expression} AS TIMESTAMP)" if not zone else _utc(expression)
            return _trimmed(f"strftime({plain}, '%Y-%m-%dT%H:%M:%S.%f')", zone)
        if family is Logical.TIME:
            return _trimmed(f"CAST({expression} AS VARCHAR)", "")
        if family in (Logical.FLOAT, Logical.DOUBLE):
            return _number(expression)
        if family is Logical.DECIMAL:
            # Without whole digits the engine leaves out the zero before the point.
            return rf"regexp_replace(CAST({expression} AS VARCHAR), '^(-?)\.', '\10.')"
        if family is Logical.BYTES:
            return f"base64({expression})"
        return f"CAST({expression} AS VARCHAR)"


def _hashable(expression: str, field: pa.Field) -> str:
    """Numbers of 128 bits as text: their two halves are mixed so that 0 and -1 hash alike."""
    wide = pa.types.is_decimal(field.type) and field.type.precision > _LONG_DIGITS
    return f"CAST({expression} AS VARCHAR)" if wide else expression


def _number(expression: str) -> str:
    """The shortest digits, positional from 1e-6 up to 1e10, else with an exponent."""
    text = f"CAST({expression} AS VARCHAR)"
    plain = rf"regexp_replace({text}, '\.0$', '')"
    digits = f"replace(ltrim({plain}, '-'), '.', '')"
    rest = f"rtrim(substr({digits}, 2), '0')"
    sign = f"CASE WHEN {expression} < 0 THEN '-' ELSE '' END"
    power = f"length(split_part(ltrim({plain}, '-'), '.', 1)) - 1"
    return (
        f"CASE WHEN {expression} = 0 THEN {plain} WHEN isnan({expression}) THEN 'NaN' "
        f"WHEN isinf({expression}) THEN {sign} || 'Infinity' "
        f"WHEN abs({expression}) >= 1e-6 AND abs({expression}) < 1e-4 "
        f"THEN rtrim(CAST(CAST({text} AS DECIMAL(38, 30)) AS VARCHAR), '0') "
        f"WHEN abs({expression}) >= 1e-4 AND abs({expression}) < 1e10 THEN {plain} "
        rf"WHEN contains({text}, 'e') THEN regexp_replace({text}, 'e([+-])0*', 'e\1') "
        f"ELSE {sign} || left({digits}, 1) || CASE WHEN {rest} = '' THEN '' ELSE '.' || {rest} END "
        f"|| 'e+' || CAST({power} AS VARCHAR) END"
    )


def _utc(expression: str) -> str:
    return f"timezone('UTC', {expression})"


def _trimmed(text: str, zone: str) -> str:
    """No fraction when it is zero, and no zeros at its end."""
    short = rf"regexp_replace({text}, '(\.[0-9]*[1-9])0+$|\.0+$', '\1')"
    return f"{short} || '{zone}'" if zone else short
