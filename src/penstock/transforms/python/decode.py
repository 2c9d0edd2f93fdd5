"""Arrow columns as the values that scripts see (record 0041)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.to_text import as_text
from penstock.core.types import TIMETZ, UUID, is_json
from penstock.transforms.python.api.properties import Properties


class Missing:
    """The one value that says: this event has no such field."""


MISSING: Final = Missing()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORMATS: Final[dict[pa.DataType, Any]] = {
    pa.int8(): "b",
    pa.int16(): "h",
    pa.int32(): "i",
    pa.int64(): "q",
    pa.float32(): "f",
    pa.float64(): "d",
}
"""Types whose memory Python reads at once."""


def rows(
    names: Sequence[str], columns: Sequence[pa.Array], marks: dict[int, pa.Array]
) -> Iterator[Properties]:
    """The fields of each event; a null that was not set is a field that is missing.

    Args:
        marks: by place of the column, where null was set.
    """
    lists = [values(column) for column in columns]
    sparse = False
    for place, column in enumerate(columns):
        if column.null_count:
            sparse |= _drop_missing(lists[place], marks.get(place))
    if not lists:
        return
    if not sparse:
        for row in zip(*lists, strict=True):
            # All columns have one length, and to ask again costs a tenth of the loop.
            yield Properties(zip(names, row))  # noqa: B905
        return
    for row in zip(*lists, strict=True):
        pairs = zip(names, row)  # noqa: B905
        yield Properties({name: value for name, value in pairs if value is not MISSING})


def _drop_missing(column: list[Any], marks: pa.Array | None) -> bool:
    """Put MISSING where a null was not set; whether there is any."""
    found = False
    were_set = marks.to_pylist() if marks is not None else [False] * len(column)
    for place, value in enumerate(column):
        if value is None and not were_set[place]:
            column[place] = MISSING
            found = True
    return found


def values(column: pa.Array) -> list[Any]:
    """The values of one column; nulls are None."""
    kind = column.type
    if kind in _FORMATS and not column.null_count and len(column):
        whole: memoryview[Any] = memoryview(column.buffers()[1])
        typed = whole.cast(_FORMATS[kind])
        return list(typed[column.offset : column.offset + len(column)])
    if pa.types.is_timestamp(kind):
        return _each(column.cast(pa.timestamp("us", kind.tz)).view(pa.int64()), _moment, column)
    if is_json(kind):
        return _each(column.storage, _json, None)
    if kind == UUID:
        return [None if value is None else str(value) for value in column.to_pylist()]
    if kind == TIMETZ:
        return _each(column.storage, time.fromisoformat, column.storage)
    if pa.types.is_date(kind) or pa.types.is_time(kind):
        return _calendar(column)
    return list(column.to_pylist())


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(0, 0, micros)


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=Properties, parse_constant=lambda _: None)


def _each(plain: pa.Array, make: Callable[[Any], Any], texts: pa.Array | None) -> list[Any]:
    """`make` of every value; one that Python cannot hold stays the text it is."""
    raw = values(plain)
    try:
        if plain.null_count:
            return [None if value is None else make(value) for value in raw]
        return list(map(make, raw))
    except (ValueError, OverflowError):
        words = as_text(texts).to_pylist() if texts is not None else raw
        return [_or_text(make, value, word) for value, word in zip(raw, words, strict=True)]


def _or_text(make: Callable[[Any], Any], value: Any, text: str | None) -> Any:
    if value is None:
        return None
    try:
        return make(value)
    except (ValueError, OverflowError):
        return text


def _calendar(column: pa.Array) -> list[Any]:
    """Dates and times; a date beyond the year 9999 is its text."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        texts = pc.cast(column, pa.string()).to_pylist()
        return [_or_text(_item, column[at], text) for at, text in enumerate(texts)]


def _item(scalar: pa.Scalar) -> Any:
    return scalar.as_py()
