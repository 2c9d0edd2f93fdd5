"""Columns of bytes that are joined into rows: numbers as the server reads them, big end first."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from typing import Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

BINARY: Final = pa.binary()
_CODES: Final = {2: "h", 4: "i", 8: "q"}
EMPTY: Final = pa.scalar(b"", BINARY)
NULL_SIZE: Final = pa.scalar(struct.pack(">i", -1), BINARY)

Cell: TypeAlias = "pa.Array | pa.Scalar"
"""Bytes per row, or the same bytes for each; a null in a column stands for no bytes."""


def big_endian(numbers: pa.Array) -> pa.Array:
    """The bytes of fixed-width numbers, most significant first; nulls stay null."""
    width = numbers.type.bit_width // 8
    validity = None
    if numbers.null_count:
        validity = pc.is_valid(numbers).buffers()[1]
    raw = numbers.buffers()[1].slice(numbers.offset * width, len(numbers) * width)
    return _fixed(swapped(raw, width), width, len(numbers), validity)


def swapped(raw: pa.Buffer, width: int) -> pa.Buffer:
    """The numbers of a buffer with their bytes in network order."""
    if width == 1 or sys.byteorder == "big":
        return raw
    values = array(_CODES[width])
    values.frombytes(memoryview(raw))
    values.byteswap()
    return pa.py_buffer(values)


def size(width: int) -> pa.Scalar:
    """The length that stands before a value of fixed width."""
    return pa.scalar(struct.pack(">i", width), BINARY)


def sizes(values: pa.Array, more: int = 0) -> pa.Array:
    """The length before each value of a text or byte column, -1 before null."""
    lengths = pc.binary_length(values)
    if more:
        lengths = pc.add(lengths, pa.scalar(more, lengths.type))
    return big_endian(pc.fill_null(lengths.cast(pa.int32()), -1))


def where_valid(values: pa.Array, cell: pa.Scalar, otherwise: pa.Scalar) -> Cell:
    """The cell where there is a value; the same for every row when there is no null."""
    if not values.null_count:
        return cell
    return pc.if_else(pc.is_valid(values), cell, otherwise)


def fixed_bytes(values: pa.Array) -> pa.Array:
    """A fixed-size binary column as one of plain bytes."""
    return values.cast(BINARY)


def joined(cells: Sequence[Cell]) -> pa.Array:
    """The cells of each row one after the other."""
    return pc.binary_join_element_wise(*cells, EMPTY, null_handling="replace", null_replacement="")


def data_of(rows: pa.Array) -> memoryview:
    """All bytes of a column, which starts at its buffers' beginning."""
    _, offsets, data = rows.buffers()
    end = struct.unpack_from("=i", offsets, 4 * len(rows))[0]
    return memoryview(data)[:end]


def _fixed(data: pa.Buffer, width: int, length: int, validity: pa.Buffer | None) -> pa.Array:
    kind = pa.binary(width)
    return pa.Array.from_buffers(kind, length, [validity, data]).cast(BINARY)
