"""Read failed events once more, for sources without a reader of their own."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pyarrow as pa

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
            done = convert(array, field, stream.schema.field(wanted))
            if done.bad is None:
                array, field = done.array, stream.schema.field(wanted)
        arrays.append(array)
        fields.append(field.with_type(array.type))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
