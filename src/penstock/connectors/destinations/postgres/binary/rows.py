"""Batches as rows of binary COPY, by kernels that work on whole columns."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.connectors.destinations.postgres.binary.cells import (
    BINARY,
    EMPTY,
    NULL_SIZE,
    Cell,
    big_endian,
    data_of,
    fixed_bytes,
    joined,
    size,
    sizes,
    where_valid,
)
from penstock.connectors.destinations.postgres.binary.numeric import numeric_cells
from penstock.core.types import Logical, logical

# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER: Final = struct.pack(">h", -1)

# The server counts from 2000-01-01.
_DAYS: Final = 10_957
_MICROSECONDS: Final = _DAYS * 86_400_000_000
# What is joined at once: bounds the memory, and keeps a column below Arrow's 2 GB.
_PIECE_BYTES: Final = 8 << 20


def encoded(batch: pa.RecordBatch, last: pa.Array | None = None) -> Iterator[memoryview]:
    """The rows of a batch whose columns have the types of the core (`normal`).

    Args:
        last: one value, that of a last column in every row.
    """
    if batch.nbytes > _PIECE_BYTES and batch.num_rows > 1:
        half = batch.num_rows // 2
        yield from encoded(batch.slice(0, half), last)
        yield from encoded(batch.slice(half), last)
        return
    count = batch.num_columns + (last is not None)
    cells: list[Cell] = [pa.scalar(struct.pack(">h", count), BINARY)]
    for column in batch.columns:
        cells += _cells(column)
    if last is not None:
        cells += [cell[0] if isinstance(cell, pa.Array) else cell for cell in _cells(last)]
    if batch.num_rows:
        yield _rows(_merged(cells), batch.num_rows)


def _rows(cells: Sequence[Cell], rows: int) -> memoryview:
    if all(isinstance(cell, pa.Scalar) for cell in cells):
        # Nothing but nulls: the kernel would answer with one value.
        return memoryview(b"".join(cell.as_py() for cell in cells) * rows)
    return data_of(joined(cells))


def _merged(cells: Sequence[Cell]) -> list[Cell]:
    """Neighbours that are the same in every row become one."""
    found: list[Cell] = []
    for cell in cells:
        if found and isinstance(cell, pa.Scalar) and isinstance(found[-1], pa.Scalar):
            found[-1] = pa.scalar(found[-1].as_py() + cell.as_py(), BINARY)
        else:
            found.append(cell)
    return found


def _cells(column: pa.Array) -> list[Cell]:
    if column.null_count == len(column):
        return [NULL_SIZE]
    if isinstance(column, pa.ExtensionArray):
        return _EXTENSIONS.get(logical(column.type), _text)(column.storage)
    return _FAMILIES[logical(column.type)](column)


def _number(column: pa.Array) -> list[Cell]:
    width = column.type.bit_width // 8
    return [where_valid(column, size(width), NULL_SIZE), big_endian(column)]


def _cast(kind: pa.DataType) -> Callable[[pa.Array], list[Cell]]:
    return lambda column: _number(column.cast(kind))


def _text(column: pa.Array) -> list[Cell]:
    return [sizes(column), column.cast(BINARY)]


def _jsonb(column: pa.Array) -> list[Cell]:
    version = where_valid(column, pa.scalar(b"\x01", BINARY), EMPTY)
    return [sizes(column, 1), version, column.cast(BINARY)]


def _uuid(column: pa.Array) -> list[Cell]:
    return [where_valid(column, size(16), NULL_SIZE), fixed_bytes(column)]


def _since_2000(column: pa.Array, start: int, kind: pa.DataType) -> list[Cell]:
    """Days or microseconds since the server's epoch.

    The least and the greatest number mean infinity there: what would become one of them, or
    pass them, becomes a neighbour, which the server refuses as out of range.
    """
    bits = kind.bit_width
    least, greatest = -(1 << (bits - 1)) + 1, (1 << (bits - 1)) - 2
    numbers = column.cast(kind).cast(pa.int64())
    low = max(least + start, -(1 << 63))
    numbers = pc.max_element_wise(numbers, pa.scalar(low, pa.int64()), skip_nulls=False)
    high = min(greatest + start, (1 << 63) - 1)
    numbers = pc.min_element_wise(numbers, pa.scalar(high, pa.int64()), skip_nulls=False)
    return _number(pc.subtract(numbers, pa.scalar(start, pa.int64())).cast(kind))


_FAMILIES: Final[dict[Logical, Callable[[pa.Array], list[Cell]]]] = {
    Logical.BOOLEAN: _cast(pa.uint8()),
    Logical.BYTE: _cast(pa.int16()),
    Logical.SHORT: _cast(pa.int16()),
    Logical.INT: _number,
    Logical.LONG: _number,
    Logical.DECIMAL: numeric_cells,
    Logical.FLOAT: _cast(pa.float64()),
    Logical.DOUBLE: _number,
    Logical.STRING: _text,
    Logical.BYTES: _text,
    Logical.DATE: lambda column: _since_2000(column, _DAYS, pa.int32()),
    Logical.TIME: _cast(pa.int64()),
    Logical.TIMESTAMP: lambda column: _since_2000(column, _MICROSECONDS, pa.int64()),
    Logical.TIMESTAMPTZ: lambda column: _since_2000(column, _MICROSECONDS, pa.int64()),
}
_EXTENSIONS: Final[dict[Logical, Callable[[pa.Array], list[Cell]]]] = {
    Logical.JSON: _jsonb,
    Logical.UUID: _uuid,
}
