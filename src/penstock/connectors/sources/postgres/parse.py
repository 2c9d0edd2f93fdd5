"""CSV text of the server as Arrow columns, exactly."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from penstock.core.from_text import CASTERS
from penstock.core.types import JSON, MAX_DIGITS, TIME, Logical, decimal_type, json_array
from penstock.sdk.sql.reading import Column, Refusal, Rows

_CONVERT: Final = {
    # An empty field is null, an empty text is "": only so does the text NULL stay a text.
    "null_values": [""],
    "strings_can_be_null": True,
    "quoted_strings_can_be_null": False,
    "true_values": ["t"],
    "false_values": ["f"],
}
_WHOLE_DIGITS: Final = 18
"""Room before the point of numbers without declared digits, so that few later values need more."""


class Parser:
    """Blocks of one statement's answer.

    Columns are read in their own types at once; only a block with a value that has no place
    in them is read again as text, and its rows looked at one by one.
    """

    def __init__(self, columns: Sequence[Column], *, check_utf8: bool = False) -> None:
        self._columns = columns
        self._names = [item.name for item in columns]
        # Positions, not names: they may be any text, and pyarrow takes names twice.
        self._labels = [str(at) for at in range(len(columns))]
        self._check_utf8 = check_utf8
        self._typed = {
            label: _csv_type(item.type) for label, item in zip(self._labels, columns, strict=True)
        }

    def rows(self, block: memoryview) -> Rows:
        try:
            arrays = self._arrays(block, self._typed)
            done = [_finish(array, item) for array, item in zip(arrays, self._columns, strict=True)]
        except (pa.ArrowInvalid, ValueError):
            return self._carefully(block)
        return Rows(self._batch(done), size=len(block))

    def _arrays(self, block: memoryview, types: dict[str, pa.DataType]) -> list[pa.Array]:
        table = pcsv.read_csv(
            pa.BufferReader(block),
            # One piece: its end is a row's end, and no value is looked through for another.
            pcsv.ReadOptions(
                column_names=self._labels, block_size=len(block) + 1, use_threads=False
            ),
            pcsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            pcsv.ConvertOptions(column_types=types, check_utf8=self._check_utf8, **_CONVERT),
        )
        return [column.chunk(0) for column in table.columns]

    def _carefully(self, block: memoryview) -> Rows:
        """The same with every column as text first; values without a place are refused."""
        texts = self._arrays(block, dict.fromkeys(self._labels, pa.string()))
        arrays: list[pa.Array] = []
        refused: dict[int, Refusal] = {}
        for array, item in zip(texts, self._columns, strict=True):
            good, bad = from_text(array, item)
            arrays.append(good)
            for index in bad:
                refused.setdefault(index, Refusal(index, item.name, item.no_place))
        shown = {
            index: {
                name: text[index].as_py() for name, text in zip(self._names, texts, strict=True)
            }
            for index in refused
        }
        ordered = tuple(refused[index] for index in sorted(refused))
        return Rows(self._batch(arrays), ordered, shown, len(block))

    def _batch(self, arrays: Sequence[pa.Array]) -> pa.RecordBatch:
        fields = [pa.field(name, a.type) for name, a in zip(self._names, arrays, strict=True)]
        return pa.RecordBatch.from_arrays(list(arrays), schema=pa.schema(fields))


def _csv_type(kind: pa.DataType) -> pa.DataType:
    """The type that the CSV reader makes; `_finish` does the rest."""
    if kind in (pa.null(), JSON, pa.binary()) or pa.types.is_decimal256(kind):
        return pa.string()
    return kind


def _finish(array: pa.Array, column: Column) -> pa.Array:
    kind = column.type
    if array.type == kind:
        return array
    if kind == JSON:
        return json_array(array)
    if kind == pa.null():
        return numbers(array)
    if kind == pa.binary():
        return packed(array) if column.native.startswith("bit") else unhexed(array)
    return array.cast(kind)


def from_text(array: pa.Array, column: Column) -> tuple[pa.Array, list[int]]:
    """The column in its type, null where a value has no place in it, and where that is."""
    kind = column.type
    if kind in (pa.string(), JSON):
        return _finish(array, column), []
    if kind == pa.null():
        odd = pc.match_substring_regex(array, "^(NaN|-?Infinity)$").fill_null(False)
        bad = pc.indices_nonzero(odd).to_pylist()
        return numbers(pc.if_else(odd, pa.scalar(None, pa.string()), array)), bad
    try:
        return _typed_texts(array, column), []
    except (pa.ArrowInvalid, ValueError):
        if len(array) == 1:
            return pa.nulls(1, kind), [0]
    middle = len(array) // 2
    first, bad_first = from_text(array[:middle], column)
    second, bad_second = from_text(array[middle:], column)
    return pa.concat_arrays([first, second]), bad_first + [i + middle for i in bad_second]


def _typed_texts(array: pa.Array, column: Column) -> pa.Array:
    """The column in its type.

    Raises:
        ArrowInvalid: a value has no place in it.
    """
    kind = column.type
    if _csv_type(kind) == pa.string():
        return _finish(array, column)
    if kind == pa.bool_():
        return pc.equal(array, "t")
    if kind == TIME:
        return CASTERS[Logical.TIME](array, kind)
    return array.cast(kind)


def numbers(texts: pa.Array) -> pa.Array:
    """Numbers without declared digits as the smallest fitting decimals, else as text.

    Raises:
        ValueError: there is NaN or an infinity among them.
    """
    if texts.null_count == len(texts):
        return pa.nulls(len(texts))
    plain = pc.replace_substring_regex(texts, "^-", "")
    if pc.any(pc.match_substring_regex(plain, "^[NI]")).as_py():
        raise ValueError("not a number")
    lengths = pc.utf8_length(plain)
    points = pc.find_substring(plain, ".")
    whole = pc.max(pc.if_else(pc.less(points, 0), lengths, points)).as_py()
    scale = pc.max(pc.if_else(pc.less(points, 0), 0, pc.subtract(pc.subtract(lengths, points), 1)))
    room = max(whole, _WHOLE_DIGITS)
    kind = decimal_type(room, scale.as_py()) if room + scale.as_py() <= 38 else None
    kind = kind or decimal_type(whole, scale.as_py())
    if kind is None or kind.precision > MAX_DIGITS:
        return texts
    return texts.cast(kind)


def unhexed(texts: pa.Array) -> pa.Array:
    """Hexadecimal digits as bytes, all values in one step: two digits are a byte."""
    _validity, offsets, data = texts.buffers()
    ends = pa.Array.from_buffers(pa.int32(), len(texts) + 1, [None, offsets], offset=texts.offset)
    first, last = ends[0], ends[len(texts)]
    digits = memoryview(data)[first.as_py() : last.as_py()] if data is not None else b""
    halved = pc.divide(pc.subtract(ends, first), pa.scalar(2, pa.int32()))
    valid = texts.is_valid().buffers()[1] if texts.null_count else None
    values = pa.py_buffer(binascii.unhexlify(digits))
    return pa.Array.from_buffers(pa.binary(), len(texts), [valid, halved.buffers()[1], values])


def packed(texts: pa.Array) -> pa.Array:
    """Strings of 0 and 1 as bytes, the first bit highest, filled up with zeros at the end.

    Bits are packed once for each different string.
    """
    distinct = texts.dictionary_encode()
    values = [_bits(text) for text in distinct.dictionary.to_pylist()]
    return pa.array(values, pa.binary()).take(distinct.indices)


def _bits(text: str) -> bytes:
    size = -(-len(text) // 8)
    return int(text.ljust(size * 8, "0") or "0", 2).to_bytes(size, "big")
