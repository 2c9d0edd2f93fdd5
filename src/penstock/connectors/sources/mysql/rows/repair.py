"""Rows whose values do not fit their column: each is found and named, the others are kept."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.connectors.sources.mysql.rows.columns import LineParser, text_columns
from penstock.sdk.sql.reading import Refusal, Rows

_ZERO: Final = r"^0000|^[0-9]{4}-(00|[0-9]{2}-00)"
"""Dates that no calendar has: MySQL allows 0000-00-00 and zero months and days."""


def repair(parser: LineParser, lines: memoryview, zero_dates: dict[str, int]) -> Rows:
    """Parse lines of which some hold values that the quick way refused.

    Columns are cast whole; only the rows of a column that does not cast are looked at one by one.

    Args:
        zero_dates: zero dates that became null are added here, by column.
    """
    schema = parser.schema
    texts = text_columns(lines, len(schema))
    wrong: dict[int, Refusal] = {}
    columns = []
    for item, text in zip(schema, texts, strict=True):
        found = text
        if pa.types.is_date(item.type) or pa.types.is_timestamp(item.type):
            found, count = _without_zero_dates(text)
            if count:
                zero_dates[item.name] = zero_dates.get(item.name, 0) + count
        made, bad = _cast(parser, found, item.type)
        for at, reason in bad.items():
            wrong.setdefault(at, Refusal(at, item.name, reason))
        columns.append(made)
    return Rows(
        pa.RecordBatch.from_arrays(columns, schema=schema),
        tuple(wrong[at] for at in sorted(wrong)),
        {at: _shown(schema, texts, at) for at in wrong},
        len(lines),
    )


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
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "date"
    return "UTF-8 text" if pa.types.is_string(kind) else str(kind)


def _shown(schema: pa.Schema, texts: list[pa.Array], at: int) -> dict[str, str | None]:
    values = (text[at].as_py() for text in texts)
    shown = (None if value is None else value.decode("utf-8", "replace") for value in values)
    return dict(zip(schema.names, shown, strict=True))
