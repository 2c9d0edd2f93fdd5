"""Rows whose values do not fit their column: each is found and named, the others are kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.connectors.sources.mysql.rows.columns import LineParser, text_columns

_ZERO: Final = r"^0000|^[0-9]{4}-(00|[0-9]{2}-00)"
"""Dates that no calendar has: MySQL allows 0000-00-00 and zero months and days."""


@dataclass(frozen=True)
class Refused:
    """A row that cannot be delivered: why, the column, and the row as text."""

    column: str
    code: str
    reason: str
    raw: str


@dataclass
class Repaired:
    """What came of a block: the rows that fit, those refused, zero dates made null by column."""

    rows: pa.RecordBatch
    refused: list[Refused] = field(default_factory=list)
    zero_dates: dict[str, int] = field(default_factory=dict)


def repair(parser: LineParser, lines: memoryview) -> Repaired:
    """Parse lines of which some hold values that the quick way refused.

    Zero dates become null and are counted. Rows with other values that do not fit are taken
    out. Columns are cast whole; only the rows of a column that does not cast are looked at
    one by one.
    """
    schema = parser.schema
    texts = text_columns(lines, len(schema))
    zero: dict[str, int] = {}
    wrong: dict[int, tuple[str, str]] = {}
    columns = []
    for item, text in zip(schema, texts, strict=True):
        found = text
        if pa.types.is_date(item.type) or pa.types.is_timestamp(item.type):
            found, count = _without_zero_dates(text)
            if count:
                zero[item.name] = count
        made, bad = _cast(parser, found, item.type)
        for at, reason in bad.items():
            wrong.setdefault(at, (item.name, reason))
        columns.append(made)
    rows = pa.RecordBatch.from_arrays(columns, schema=schema)
    refused = [
        Refused(name, _code(schema.field(name).type), reason, _raw(schema, texts, at))
        for at, (name, reason) in sorted(wrong.items())
    ]
    if wrong:
        keep = pa.array([at not in wrong for at in range(rows.num_rows)])
        rows = rows.filter(keep)
    return Repaired(rows, refused, zero)


def _without_zero_dates(text: pa.BinaryArray) -> tuple[pa.Array, int]:
    zero = pc.match_substring_regex(text, _ZERO)
    count = pc.sum(zero).as_py() or 0
    return pc.if_else(zero, pa.scalar(None, text.type), text) if count else text, count


def _cast(
    parser: LineParser, text: pa.BinaryArray, kind: pa.DataType
) -> tuple[pa.Array, dict[int, str]]:
    """The column in its type, values that do not fit as null; and why they do not, by row."""
    try:
        return parser.from_text(text, kind), {}
    except pa.ArrowInvalid:
        return _cast_one_by_one(parser, text, kind)


def _cast_one_by_one(
    parser: LineParser, text: pa.BinaryArray, kind: pa.DataType
) -> tuple[pa.Array, dict[int, str]]:
    bad: dict[int, str] = {}
    good = []
    for at in range(len(text)):
        one = text.slice(at, 1)
        try:
            parser.from_text(one, kind)
        except pa.ArrowInvalid:
            shown = one[0].as_py().decode("utf-8", "replace")[:80]
            bad[at] = f"{shown!r} is no {_named(kind)}"
        good.append(at not in bad)
    kept = pc.if_else(pa.array(good), text, pa.scalar(None, text.type))
    return parser.from_text(kept, kind), bad


def _named(kind: pa.DataType) -> str:
    if pa.types.is_time(kind):
        return "time of day"
    if pa.types.is_boolean(kind):
        return "truth value (0 or 1)"
    return "UTF-8 text" if pa.types.is_string(kind) else str(kind)


def _code(kind: pa.DataType) -> str:
    """Codes of pipelines.md 14.1."""
    return "NUMERIC_OUT_OF_RANGE" if pa.types.is_time(kind) else "INCOMPATIBLE_TYPE"


def _raw(schema: pa.Schema, texts: list[pa.Array], at: int) -> str:
    values = (text[at].as_py() for text in texts)
    shown = (None if value is None else value.decode("utf-8", "replace") for value in values)
    return json.dumps(dict(zip(schema.names, shown, strict=True)), ensure_ascii=False)
