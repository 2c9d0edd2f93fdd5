"""Read failed events once more, for sources without a reader of their own."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.convert import convert
from penstock.core.stream import Stream
from penstock.sdk.json_columns import JsonColumns
from penstock.sdk.source import Unread


def parse_events(
    stream: Stream,
    events: Sequence[str],
    columns: JsonColumns | None = None,
    *,
    infer_dates: bool = True,
) -> tuple[pa.RecordBatch, list[Unread]]:
    """Rows of the events that are JSON objects now, and the others by their place.

    Args:
        columns: the stream's own reader with the envelope "events"; without it types are
            learned from the values and then brought to those the stream declares.
    """
    reader = columns or JsonColumns((), envelope="events", infer_dates=infer_dates)
    unread: list[Unread] = []
    good: list[bytes] = []
    for index, text in enumerate(events):
        reason = _problem(text)
        if reason is None:
            good.append(text.encode())
        else:
            unread.append(Unread(index, reason))
    page = reader.decode(b'{"events":[' + b",".join(good) + b"]}")
    rows = reader.to_arrow(page.rows)
    return (rows if columns else _declared(stream, rows)), unread


def _problem(text: str) -> str | None:
    """Why the text is no event, or None."""
    try:
        value = msgspec.json.decode(text.encode("utf-8", "strict"))
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return f"not JSON: {error}"
    return None if isinstance(value, dict) else f"not an object but {type(value).__name__}"


def _declared(stream: Stream, rows: pa.RecordBatch) -> pa.RecordBatch:
    """Columns in the stream's declared types wherever every value fits."""
    arrays, fields = [], []
    for at, field in enumerate(rows.schema):
        wanted = stream.schema.get_field_index(field.name)
        array = rows.column(at)
        if wanted >= 0:
            typed = _typed(array, field, stream.schema.field(wanted))
            if typed is not None:
                array, field = typed, stream.schema.field(wanted)
        arrays.append(array)
        fields.append(field.with_type(array.type))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _typed(array: pa.Array, field: pa.Field, wanted: pa.Field) -> pa.Array | None:
    """The column in its declared type; None where a value does not fit."""
    if pa.types.is_floating(wanted.type) and pa.types.is_string(array.type):
        # Raw forms have NaN and infinity as text, which mapping rules take for no number.
        words = pc.is_in(array, pa.array(["NaN", "Infinity", "-Infinity"]))
        if pc.any(words, min_count=0).as_py():
            done = convert(pc.if_else(words, None, array), field, wanted)
            numbers = pc.cast(pc.if_else(words, array, None), wanted.type)
            return pc.if_else(words, numbers, done.array) if done.bad is None else None
    done = convert(array, field, wanted)
    return done.array if done.bad is None else None
