"""Types and text forms of PostgreSQL."""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa

from penstock.core.digest import Form
from penstock.core.types import JSON, TIME, TIMESTAMP, TIMESTAMPTZ, UUID, Logical, logical, normal
from penstock.sdk.sql import Dialect
from penstock.sdk.sql.digest.postgres import PostgresDigest, postgres_form
from penstock.sdk.sql.digest.sums import DigestWords

_NAMES: Final = {
    Logical.BOOLEAN: "boolean",
    Logical.BYTE: "smallint",
    Logical.SHORT: "smallint",
    Logical.INT: "integer",
    Logical.LONG: "bigint",
    Logical.FLOAT: "double precision",
    Logical.DOUBLE: "double precision",
    Logical.BYTES: "bytea",
    Logical.DATE: "date",
    Logical.TIME: "time without time zone",
    Logical.TIMESTAMP: "timestamp without time zone",
    Logical.TIMESTAMPTZ: "timestamp with time zone",
    Logical.UUID: "uuid",
    Logical.JSON: "jsonb",
    Logical.ARRAY: "jsonb",
}
_TYPES: Final = {
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "uuid": UUID,
    "json": JSON,
    "jsonb": JSON,
    # Without limits: as wide as we can count.
    "numeric": pa.decimal256(76, 38),
}
_MOMENT: Final = re.compile(r"(timestamp|time)(\(\d\))? (with|without) time zone")
_MOMENTS: Final = {
    ("timestamp", "without"): TIMESTAMP,
    ("timestamp", "with"): TIMESTAMPTZ,
    ("time", "without"): TIME,
}

_OWN: Final = re.compile(rf"{_MOMENT.pattern}|numeric\(\d+,-?\d+\)")
_LIMITED: Final = re.compile(r"(?:character varying|character|bpchar)(?:\((\d+)\))?")
_TYPE: Final = b"type"
# pipelines.md 12.10
_LADDER: Final = (256, 512, 1024, 4096, 16384, 65535)


class PostgresDialect(Dialect):
    """PostgreSQL 12 and later."""

    name = "PostgreSQL"
    place = "ctid"

    def type_name(self, field: pa.Field) -> str:
        family = logical(field.type)
        if family is Logical.DECIMAL:
            return f"numeric({field.type.precision},{field.type.scale})"
        return _NAMES.get(family, "text")

    def arrow_type(self, name: str) -> pa.DataType:
        if found := re.fullmatch(r"numeric\((\d+),(-?\d+)\)", name):
            precision, scale = int(found[1]), int(found[2])
            if 0 <= scale <= precision <= 76:
                make = pa.decimal128 if precision <= 38 else pa.decimal256
                return make(precision, scale)
            return _TYPES["numeric"]
        if found := _MOMENT.fullmatch(name):
            return _MOMENTS.get((found[1], found[3]), pa.string())
        return _TYPES.get(name, pa.string())

    def column(self, name: str, kind: str) -> pa.Field:
        """A column of the catalogue; types that we never make are kept in its metadata."""
        if kind in _TYPES or kind in ("text", "name", "citext"):
            ours = kind != "json"
        else:
            ours = _OWN.fullmatch(kind) is not None
        metadata = None if ours else {_TYPE: kind}
        return pa.field(name, self.arrow_type(kind), metadata=metadata)

    def cast(self, expression: str, kind: pa.DataType, target: pa.Field) -> str:
        plain = super().cast(expression, kind, target)
        foreign = _foreign(target)
        # A cast would cut what is too long; without one it is refused.
        if foreign is None or _LIMITED.fullmatch(foreign):
            return plain
        return f"CAST({plain} AS {foreign})"

    def compared(self, expression: str, field: pa.Field) -> str:
        foreign = _foreign(field)
        if foreign is None or _LIMITED.fullmatch(foreign):
            return expression
        # Some types have no equality: json, xml, point.
        return f"({expression})::{'jsonb' if foreign == 'json' else 'text'}"

    def returned(self, field: pa.Field) -> pa.DataType:
        kind = normal(field)
        as_text = kind in (pa.binary(), UUID) or pa.types.is_decimal256(kind)
        return pa.string() if as_text or _is_odd(field) else kind

    def fetched(self, field: pa.Field) -> str:
        name = self.ident(field.name)
        if normal(field) == pa.binary():
            return self.to_text(name, field.type)
        return f"{name}::text" if _is_odd(field) else name

    @property
    def digests(self) -> DigestWords:
        return PostgresDigest()

    def digested(self, field: pa.Field, form: Form) -> str | None:
        name = self.ident(field.name)
        if _foreign(field) is not None:
            return None
        return name if form is Form.TEXT else postgres_form(name, form)

    def to_text(self, expression: str, kind: pa.DataType) -> str:
        family = logical(kind)
        if family in (Logical.FLOAT, Logical.DOUBLE):
            return _number(expression)
        if family in (Logical.TIMESTAMP, Logical.TIMESTAMPTZ):
            plain = (
                expression if family is Logical.TIMESTAMP else f"{expression} AT TIME ZONE 'UTC'"
            )
            zone = "" if family is Logical.TIMESTAMP else " || 'Z'"
            text = f"to_char({plain}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
            return rf"regexp_replace({text}, '\.?0+$', ''){zone}"
        if family is Logical.DATE:
            return f"to_char({expression}, 'YYYY-MM-DD')"
        if family is Logical.BYTES:
            return f"replace(encode({expression}, 'base64'), E'\\n', '')"
        if family in (Logical.JSON, Logical.ARRAY):
            # Without the spaces that stand between values.
            return rf"""regexp_replace({expression}::text, '("([^"\\]|\\.)*")|\s+', '\1', 'g')"""
        return f"{expression}::text"


def takes_binary(dialect: PostgresDialect, column: pa.Field, field: pa.Field) -> bool:
    """Whether a column of a table takes the bytes that we send for values of a field."""
    foreign = _foreign(column)
    return (
        dialect.type_name(field) == dialect.type_name(column)
        and (foreign is None or _LIMITED.fullmatch(foreign) is not None)
        # A `real` is as wide as its type.
        and column.type != pa.float32()
    )


def text_limit(field: pa.Field) -> int | None:
    """Characters that a column of limited text holds; None for every other."""
    found = _LIMITED.fullmatch(_foreign(field) or "")
    return int(found[1]) if found and found[1] else None


def text_type(length: int) -> str:
    """The next larger type that holds a text of so many characters."""
    steps = [step for step in _LADDER if step >= length]
    return f"varchar({steps[0]})" if steps else "text"


def _is_odd(field: pa.Field) -> bool:
    """A type that we never make and know as text."""
    return _foreign(field) is not None and bool(pa.types.is_string(field.type))


def _foreign(field: pa.Field) -> str | None:
    kind = (field.metadata or {}).get(_TYPE)
    return None if kind is None else str(kind, "utf-8")


def _number(expression: str) -> str:
    """The shortest digits, positional from 1e-6 up to 1e10, else with an exponent."""
    text = f"({expression}::double precision)::text"
    digits = f"replace(ltrim({text}, '-'), '.', '')"
    sign = f"CASE WHEN {expression} < 0 THEN '-' ELSE '' END"
    rest = f"rtrim(substr({digits}, 2), '0')"
    power = f"length(split_part(ltrim({text}, '-'), '.', 1)) - 1"
    return (
        f"CASE WHEN {expression} = 0 "
        f"OR {expression} IN ('NaN', 'Infinity', '-Infinity') THEN {text} "
        f"WHEN abs({expression}) >= 1e-6 AND abs({expression}) < 1e10 "
        rf"THEN ({text})::numeric::text "
        rf"WHEN strpos({text}, 'e') > 0 THEN regexp_replace({text}, 'e([+-])0*', 'e\1') "
        f"ELSE {sign} || left({digits}, 1) || CASE WHEN {rest} = '' THEN '' ELSE '.' || {rest} END "
        f"|| 'e+' || ({power})::text END"
    )
