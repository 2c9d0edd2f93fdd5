"""Rows in the two forms in which they are sent: lines of LOAD DATA, and tuples of INSERT."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.connectors.destinations.mysql.hexes import hexed
from penstock.core.types import Logical

# Control characters that hardly occur in text: what does not occur needs no escape.
_FIELD, _LINE, _ESCAPE = b"\x1f", b"\x1e", b"\x1d"
_BARE: Final = {
    Logical.BOOLEAN, Logical.BYTE, Logical.SHORT, Logical.INT, Logical.LONG, Logical.FLOAT,
    Logical.DOUBLE,
}  # fmt: skip
_TEXTS: Final = {Logical.STRING, Logical.JSON, Logical.ARRAY, Logical.TIMETZ, Logical.UNKNOWN}
_PIECE: Final = 1 << 20


class Lines(ABC):
    """Puts columns of text together to rows, without a step for each row."""

    @abstractmethod
    def value(self, text: pa.BinaryArray, family: Logical) -> pa.BinaryArray:
        """The column with its values escaped or quoted; nulls stay."""

    @abstractmethod
    def rows(self, columns: Sequence[pa.BinaryArray]) -> pa.BinaryArray:
        """One value for each row."""


class LoadLines(Lines):
    """As LOAD DATA reads them, with the clauses of `FORMAT`."""

    # `CHARACTER SET binary`: bytes are taken as they are.
    FORMAT = (
        f"CHARACTER SET binary FIELDS TERMINATED BY X'{_FIELD.hex()}' "
        f"ESCAPED BY X'{_ESCAPE.hex()}' LINES TERMINATED BY X'{_LINE.hex()}'"
    )

    def value(self, text: pa.BinaryArray, family: Logical) -> pa.BinaryArray:
        if family in _TEXTS or family is Logical.BYTES:
            for special in (_ESCAPE, _FIELD, _LINE):
                if holds(text, special):
                    text = pc.replace_substring(text, special, _ESCAPE + special)
        return text

    def rows(self, columns: Sequence[pa.BinaryArray]) -> pa.BinaryArray:
        null = (_ESCAPE + b"N").decode()
        replace = {"null_handling": "replace", "null_replacement": null}
        # The end of the line goes to the shortest column, since it is copied for that.
        last = pc.binary_join_element_wise(columns[-1], _LINE, b"", **replace)
        return pc.binary_join_element_wise(*columns[:-1], last, _FIELD, **replace)


class InsertLines(Lines):
    """As INSERT takes them, with a comma behind each row."""

    def value(self, text: pa.BinaryArray, family: Logical) -> pa.BinaryArray:
        if family in _BARE:
            return text
        if family is Logical.BYTES:
            return pc.binary_join_element_wise(b"X'", hexed(text), b"'", b"")
        if family in _TEXTS:
            for special, safe in ((b"\\", b"\\\\"), (b"'", b"''")):
                if holds(text, special):
                    text = pc.replace_substring(text, special, safe)
        return pc.binary_join_element_wise(b"'", text, b"'", b"")

    def rows(self, columns: Sequence[pa.BinaryArray]) -> pa.BinaryArray:
        replace = {"null_handling": "replace", "null_replacement": "NULL"}
        joined = pc.binary_join_element_wise(*columns, b",", **replace)
        return pc.binary_join_element_wise(b"(", joined, b"),", b"")


def holds(text: pa.BinaryArray, wanted: bytes) -> bool:
    """Whether any value has these bytes; all values are searched at once, piece by piece."""
    data = content(text)
    return any(
        bytes(data[at : at + _PIECE + len(wanted) - 1]).find(wanted) >= 0
        for at in range(0, len(data), _PIECE)
    )


def content(rows: pa.BinaryArray) -> memoryview:
    """The bytes of all values, one after the other."""
    ends = _ends(rows)
    data = rows.buffers()[2]
    return memoryview(data)[ends[0] : ends[-1]] if data is not None else memoryview(b"")


def pieces(rows: pa.BinaryArray, most_bytes: int) -> Iterator[memoryview]:
    """The bytes of as many whole rows as fit; a longer row comes alone."""
    ends, data, at = _ends(rows), content(rows), 0
    while at < len(rows):
        to = int(np.searchsorted(ends, ends[at] + most_bytes, side="right")) - 1
        to = max(to, at + 1)
        yield data[ends[at] - ends[0] : ends[to] - ends[0]]
        at = to


def _ends(rows: pa.BinaryArray) -> np.ndarray:
    """Where the values begin, and where the last one ends."""
    offsets = rows.buffers()[1]
    return np.frombuffer(offsets, np.int32)[rows.offset : rows.offset + len(rows) + 1]
