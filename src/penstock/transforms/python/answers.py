"""What a sandbox process answers, taken as hostile: nothing is believed, all is checked."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.types import TIMETZ, UUID, is_json, normal
from penstock.transforms.events import Events, Refused

MAX_OUTPUTS: Final = 10_000
MAX_NAME: Final = 512
_MAX_FIELDS: Final = 100_000
_MAX_LINE, _MAX_LINES, _MAX_REASON, _MAX_TRACEBACK = 1000, 1000, 2000, 8000
CODES: Final = {
    "TRANSFORM_EXCEPTION": "TRANSFORM_ERROR",
    "TRANSFORM_MEMORY": "TRANSFORM_ERROR",
    "TRANSFORM_SCRIPT_INVALID": "TRANSFORM_ERROR",
    "TRANSFORM_TIMEOUT": "TRANSFORM_TIMEOUT",
    "TRANSFORM_BAD_RETURN": "TRANSFORM_BAD_OUTPUT",
    "TRANSFORM_TOO_MANY_EVENTS": "TRANSFORM_BAD_OUTPUT",
    "TRANSFORM_BAD_VALUE": "TRANSFORM_BAD_OUTPUT",
    "TRANSFORM_BAD_EVENT_NAME": "TRANSFORM_BAD_OUTPUT",
    "TRANSFORM_BAD_FIELD_NAME": "TRANSFORM_BAD_OUTPUT",
    "TRANSFORM_PRIMARY_KEY_MISSING": "TRANSFORM_BAD_OUTPUT",
}
"""The coarse code of each fine one (transformations.md 3.7)."""


_FAULTS: Final = (
    ValueError, KeyError, TypeError, IndexError, OSError, RecursionError, struct.error,
    pa.ArrowException,
)  # fmt: skip


class HostileError(Exception):
    """An answer that no honest sandbox process gives."""


@dataclass(frozen=True)
class Answer:
    """What became of one slice; rows are counted from its first."""

    outputs: tuple[Events, ...]
    refused: tuple[Refused, ...]
    console: tuple[str, ...]


def refused(
    row: int, sub_code: str, reason: str, line: int | None = None, text: str = ""
) -> Refused:
    """An event set aside, under its coarse code."""
    return Refused(row, CODES[sub_code], sub_code, reason, line, text)


def parsed(head: dict[str, Any], body: bytes | bytearray, rows: int) -> Answer:
    """The answer for a slice of so many rows.

    Raises:
        HostileError: anything about it is not as it must be.
    """
    try:
        given = msgspec.convert(head, _Head)
        whole = pa.py_buffer(body)
        outputs, start = [], 0
        for output in given.outputs:
            outputs.append(_events(output, whole.slice(start, output.bytes), rows))
            start += output.bytes
        _require(start == len(body), "bytes are left over")
        failures = tuple(_refused(one, rows) for one in given.refused)
        _check_rows(outputs, failures)
        console = tuple(line[:_MAX_LINE] for line in given.console[:_MAX_LINES])
        return Answer(tuple(o for o in outputs if o.rows.num_rows), failures, console)
    except _FAULTS as error:
        raise HostileError(str(error)) from error


class Greeting(msgspec.Struct):
    """What a process says of its script; `problem` when it cannot be used."""

    console: list[str]
    problem: str | None = None
    line: int | None = None
    traceback: str = ""


def greeted(head: dict[str, Any]) -> Greeting:
    """The answer to a script, shortened to what anybody reads.

    Raises:
        HostileError: it is none.
    """
    try:
        given = msgspec.convert(head, Greeting)
    except ValueError as error:
        raise HostileError(str(error)) from error
    lines = [line[:_MAX_LINE] for line in given.console[:_MAX_LINES]]
    problem = None if given.problem is None else given.problem[:_MAX_REASON]
    return Greeting(lines, problem, given.line, given.traceback[:_MAX_TRACEBACK])


class _Output(msgspec.Struct):
    name: str
    keys: list[str]
    fields: int
    marks: list[int]
    bytes: int


class _Refusal(msgspec.Struct):
    row: int
    sub_code: str
    reason: str
    line: int | None
    traceback: str


class _Head(msgspec.Struct):
    outputs: list[_Output]
    refused: list[_Refusal]
    console: list[str]


def _require(condition: bool, why: str) -> None:
    if not condition:
        raise ValueError(why)


def _refused(one: _Refusal, rows: int) -> Refused:
    _require(0 <= one.row < rows, "refuses a row that is not there")
    return refused(
        one.row, one.sub_code, one.reason[:_MAX_REASON], one.line, one.traceback[:_MAX_TRACEBACK]
    )


def _check_rows(outputs: Sequence[Events], failures: Sequence[Refused]) -> None:
    """No row is both refused and passed on, none is refused twice, none has too many outputs."""
    places = [one.row for one in failures]
    _require(len(set(places)) == len(places), "refuses a row twice")
    origins = pa.concat_arrays([o.origin for o in outputs] or [pa.array([], pa.int32())])
    clash = pc.any(pc.is_in(origins, pa.array(places, pa.int32())), min_count=0)
    _require(not clash.as_py(), "passes a row on that it refuses")
    counts = pc.value_counts(origins)
    most = pc.max(counts.field("counts")).as_py() or 0
    _require(most <= MAX_OUTPUTS, "gives too many events for one")


def _events(output: _Output, body: pa.Buffer, rows: int) -> Events:
    name, keys = output.name, tuple(output.keys)
    _require(bool(name.strip()) and len(name) <= MAX_NAME, "has no fit name")
    _require(0 <= output.bytes == body.size, "is shorter than it says")
    batch = _batch(body)
    width = output.fields
    _require(0 <= width <= _MAX_FIELDS, "has too many fields")
    _require(batch.num_columns == width + len(output.marks) + 1, "has other columns than it says")
    names = batch.schema.names[:width]
    _require(all(names) and len(set(names)) == width, "has a field without a name or twice")
    _require(len(set(keys)) == len(keys), "names a key twice")
    fields = batch.select(range(width)).replace_schema_metadata(None)
    for column in fields.columns:
        _check_column(column)
    for key in keys:
        _require(key in names and not fields.column(key).null_count, "has a row without its key")
    nulls = {}
    for i, place in enumerate(output.marks):
        nulls[names[place]] = _marks(batch.column(width + i), fields.column(place))
    origin = batch.column(batch.num_columns - 1)
    _check_origin(origin, rows)
    return Events(name, keys, fields, origin, nulls)


def _batch(body: pa.Buffer) -> pa.RecordBatch:
    """The one batch of a stream.

    Compressed ones are refused before they are unpacked: they say themselves how much
    memory they want.
    """
    reader = pa.ipc.MessageReader.open_stream(pa.BufferReader(body))
    first, second = reader.read_next_message(), reader.read_next_message()
    _require(first.type == "schema" and second.type == "record batch", "is no stream of one batch")
    schema = pa.ipc.read_schema(first)
    for one in schema:
        _require(_is_plain(one.type), f"has a column of type {one.type}")
    _require(not _is_compressed(second.metadata.to_pybytes()), "is compressed")
    batch = pa.ipc.read_record_batch(second, schema)
    batch.validate(full=True)
    return batch


def _is_compressed(metadata: bytes) -> bool:
    """Whether the fourth field of a RecordBatch is there (format/Message.fbs of Apache Arrow)."""
    root = int(struct.unpack_from("<I", metadata, 0)[0])
    header = root + _field(metadata, root, 2)
    batch = header + int(struct.unpack_from("<I", metadata, header)[0])
    return _field(metadata, batch, 3) != 0


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a table is, from the table's start; 0 when it is absent."""
    index = table - int(struct.unpack_from("<i", data, table)[0])
    at = 4 + 2 * number
    if at >= struct.unpack_from("<H", data, index)[0]:
        return 0
    return int(struct.unpack_from("<H", data, index + at)[0])


def _is_plain(kind: pa.DataType) -> bool:
    """Whether it is one of our own types."""
    if pa.types.is_list(kind):
        return _is_plain(kind.value_type) and not pa.types.is_list(kind.value_type)
    if isinstance(kind, pa.ExtensionType | pa.BaseExtensionType):
        return kind in (UUID, TIMETZ) or is_json(kind)
    return not pa.types.is_nested(kind) and normal(kind) == kind


def _check_column(column: pa.Array) -> None:
    if is_json(column.type):
        for text in column.storage.to_pylist():
            if text is not None:
                msgspec.json.decode(text, type=msgspec.Raw)


def _marks(marks: pa.Array, column: pa.Array) -> pa.Array:
    _require(marks.type == pa.bool_() and not marks.null_count, "has marks that are none")
    values = pc.and_(marks, column.is_valid())
    _require(not pc.any(values, min_count=0).as_py(), "marks a value as null")
    return marks


def _check_origin(origin: pa.Array, rows: int) -> None:
    _require(origin.type == pa.int32() and not origin.null_count, "has no origins")
    if not len(origin):
        return
    low, high = pc.min_max(origin).values()
    _require(low.as_py() >= 0 and high.as_py() < rows, "comes from a row that is not there")
    falls = pc.any(pc.less(origin[1:], origin[:-1]), min_count=0)
    _require(not falls.as_py(), "is out of order")
