"""Lines of CSV as Arrow columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from penstock.connectors.sources.mysql.rows.render import QUOTE

_NUL: Final = np.zeros(0, np.uint8)


def _nibbles() -> Any:
    """Value of two hexadecimal digits, by the two bytes read as one little-endian number."""
    digits = np.zeros(256, np.uint8)
    for value, digit in enumerate(b"0123456789ABCDEF"):
        digits[digit] = value
    pairs = np.arange(65536)
    return (digits[pairs & 255] << 4 | digits[pairs >> 8]).astype(np.uint8)


class LineParser:
    """Makes record batches of one schema from lines.

    Args:
        schema: the columns in the order of the line; binary ones come in hexadecimal digits.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._names = [str(at) for at in range(len(schema))]
        self._pairs = _nibbles() if pa.binary() in schema.types else _NUL
        self._options = _convert_options([csv_type(kind) for kind in schema.types])

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    def parse(self, lines: memoryview) -> pa.RecordBatch:
        """Raises: pa.ArrowInvalid: a value does not fit its column."""
        table = read_lines(lines, self._names, self._options)
        columns = [
            self._finish(_one_chunk(column), kind)
            for column, kind in zip(table.columns, self._schema.types, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def from_text(self, text: pa.BinaryArray, kind: pa.DataType) -> pa.Array:
        """Values as the server wrote them, in the type of their column.

        Raises:
            pa.ArrowInvalid: a value does not fit.
        """
        plain = text.cast(pa.string())
        if pa.types.is_time(kind):
            # Arrow casts no text to a time, but a moment.
            day = pc.binary_join_element_wise(pa.scalar("1970-01-01"), plain, " ")
            return day.cast(pa.timestamp("us")).cast(kind)
        return self._finish(plain.cast(csv_type(kind)), kind)

    def _finish(self, column: pa.Array, kind: pa.DataType) -> pa.Array:
        if column.type == kind:
            return column
        if pa.types.is_binary(kind):
            return unhex(column, self._pairs)
        if isinstance(kind, pa.JsonType):
            return pa.ExtensionArray.from_storage(kind, column)
        return column.cast(kind)


def csv_type(kind: pa.DataType) -> pa.DataType:
    """What the CSV reader is told: it knows no bytes, zones, JSON or decimals past 38 digits."""
    if pa.types.is_binary(kind) or pa.types.is_decimal256(kind) or isinstance(kind, pa.JsonType):
        return pa.string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us")
    return kind


def text_columns(lines: memoryview, count: int) -> list[pa.Array]:
    """All columns as the text in the lines, unchecked: for rows that the parser refused."""
    names = [str(at) for at in range(count)]
    table = read_lines(lines, names, _convert_options([pa.binary()] * count))
    return [_one_chunk(column) for column in table.columns]


def read_lines(
    lines: memoryview, names: Sequence[str], options: pyarrow.csv.ConvertOptions
) -> pa.Table:
    return pyarrow.csv.read_csv(
        pa.py_buffer(lines),
        # One block: the lines are whole, so nothing need look for newlines inside of quotes.
        pyarrow.csv.ReadOptions(
            use_threads=False, block_size=len(lines) + 1, column_names=["", *names]
        ),
        pyarrow.csv.ParseOptions(newlines_in_values=True, quote_char=QUOTE.decode()),
        options,
    )


def _convert_options(kinds: Sequence[pa.DataType]) -> pyarrow.csv.ConvertOptions:
    names = [str(at) for at in range(len(kinds))]
    return pyarrow.csv.ConvertOptions(
        column_types=dict(zip(names, kinds, strict=True)),
        include_columns=names,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["1"],
        false_values=["0"],
        timestamp_parsers=[pyarrow.csv.ISO8601],
    )


def unhex(texts: pa.StringArray, pairs: Any) -> pa.BinaryArray:
    """Hexadecimal digits as the bytes they stand for."""
    valid, offsets_buffer, data = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    digits = np.frombuffer(data, np.uint16, (offsets[-1] - offsets[0]) // 2, offsets[0])
    halves = ((offsets - offsets[0]) // 2).astype(np.int32)
    made = [pa.py_buffer(halves), pa.py_buffer(pairs[digits])]
    if texts.null_count and texts.offset:
        valid = pa.array(texts.is_valid()).buffers()[1]
    return pa.Array.from_buffers(pa.binary(), len(texts), [valid, *made], texts.null_count)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
