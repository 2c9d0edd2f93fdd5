"""Rows of one relation out of many messages, one column of all rows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from penstock.connectors.sources.postgres.log.messages import Bytes, Ints, Mask, Messages

NULL: Final = ord("n")
UNCHANGED: Final = ord("u")
TEXT: Final = ord("t")
BINARY: Final = ord("b")
_HEADER: Final = 5
"""Kind and length before each value; a null or an unchanged one has its kind only."""


@dataclass(frozen=True)
class Cells:
    """One column of n rows: what each value is, and where its bytes lie in the buffer."""

    kinds: Bytes
    starts: Ints
    ends: Ints

    @property
    def present(self) -> Mask:
        found: Mask = (self.kinds == TEXT) | (self.kinds == BINARY)
        return found

    def chosen(self, which: Mask | Ints) -> Cells:
        return Cells(self.kinds[which], self.starts[which], self.ends[which])


def walk(messages: Messages, at: Ints, columns: int) -> tuple[list[Cells], Ints]:
    """The columns of rows whose column count stands at these places, and where the rows end.

    Raises:
        ValueError: a row has another number of columns.
    """
    counts = messages.u16(at)
    if len(at) and (counts != columns).any():
        raise ValueError(f"a row of {int(counts[counts != columns][0])} columns, not {columns}")
    place = at + 2
    cells = []
    for _ in range(columns):
        kinds = messages.buffer[place]
        if (kinds == TEXT).all():
            starts = place + _HEADER
            place = starts + messages.u32(place + 1)
        else:
            sized = (kinds == TEXT) | (kinds == BINARY)
            starts = np.where(sized, place + _HEADER, place + 1)
            place = starts + np.where(sized, messages.u32(place + 1), 0)
        cells.append(Cells(kinds, starts, place))
    return cells, place


def values(messages: Messages, cells: Cells, kind: pa.DataType | None = None) -> pa.Array:
    """The bytes of one column as an Arrow array, null where there is no value.

    Arrow does the copying: values and the gaps between them are one array over the buffer,
    of which every second element is taken. The rows stand in the order of the buffer.

    Args:
        kind: utf8 (the default) or binary.
    """
    count = len(cells.starts)
    offsets = np.empty(2 * count + 1, np.int32)
    offsets[0:-1:2] = cells.starts
    offsets[1::2] = cells.ends
    offsets[-1] = cells.ends[-1] if count else 0
    places = np.arange(0, 2 * count, 2)
    missing = ~cells.present
    spread = pa.Array.from_buffers(
        kind or pa.utf8(),
        2 * count,
        [None, pa.py_buffer(offsets), pa.py_buffer(messages.buffer)],
    )
    return spread.take(pa.array(places, mask=missing if missing.any() else None))
