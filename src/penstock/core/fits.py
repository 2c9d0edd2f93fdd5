"""Which source type may go into which column type: the table users see in the mapper."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import pyarrow as pa

from penstock.core.types import Logical, logical


class Fit(StrEnum):
    """How values of one type go into a column of another."""

    SAME = "="
    ALWAYS = "+"
    LOSSY = "~"
    CHECKED = "?"
    NEVER = "×"


_TARGETS: Final = {
    "BOOL": (Logical.BOOLEAN,),
    "INT16": (Logical.BYTE, Logical.SHORT),
    "INT32": (Logical.INT,),
    "INT64": (Logical.LONG,),
    "DECIMAL": (Logical.DECIMAL,),
    "FLOAT64": (Logical.FLOAT, Logical.DOUBLE),
    "STRING": (Logical.STRING,),
    "DATE": (Logical.DATE,),
    "TIME": (Logical.TIME,),
    "TIMESTAMP": (Logical.TIMESTAMP,),
    "TSTZ": (Logical.TIMESTAMPTZ,),
    "BYTES": (Logical.BYTES,),
    "JSON": (Logical.JSON,),
}
_TABLE: Final = """
BOOLEAN      = + + + + + + × × × × × +
BYTE         ? + + + + + + × × × × × +
SHORT        ? = + + + + + × × × × × +
INT          ? ? = + + + + × × × × × +
LONG         ? ? ? = + ~ + × × × × × +
DECIMAL      × ? ? ? ? ~ + × × × × × +
FLOAT        × ? ? ? ~ = + × × × × × +
DOUBLE       × ? ? ? ~ = + × × × × × +
STRING       ? ? ? ? ? ? = ? ? ? ? ? ?
BYTES        × × × × × × + × × × × = +
DATE         × × × × × × + = × + + × +
TIME         × × × × × × + × = × × × +
TIMETZ       × × × × × × + × ~ × × × +
TIMESTAMP    × × × × × × + ~ ~ = + × +
TIMESTAMPTZ  × × × × × × + ~ ~ ~ = × +
UUID         × × × × × × + × × × × ? +
JSON         × × × × × × + × × × × × =
ARRAY        × × × × × × + × × × × × +
UNKNOWN      + + + + + + + + + + + + +
"""
_NARROWING: Final = {
    (Logical.SHORT, Logical.BYTE): Fit.CHECKED,
    (Logical.DOUBLE, Logical.FLOAT): Fit.LOSSY,
    (Logical.LONG, Logical.FLOAT): Fit.LOSSY,
    (Logical.INT, Logical.FLOAT): Fit.LOSSY,
    (Logical.STRING, Logical.UUID): Fit.CHECKED,
    (Logical.STRING, Logical.TIMETZ): Fit.CHECKED,
    (Logical.UNKNOWN, Logical.UUID): Fit.ALWAYS,
    (Logical.UNKNOWN, Logical.TIMETZ): Fit.ALWAYS,
    (Logical.UNKNOWN, Logical.ARRAY): Fit.ALWAYS,
}
"""Pairs that the table merges or leaves out."""


def _read_table() -> dict[tuple[Logical, Logical], Fit]:
    fits: dict[tuple[Logical, Logical], Fit] = {}
    for line in _TABLE.split("\n"):
        if line:
            source, *signs = line.split()
            for targets, sign in zip(_TARGETS.values(), signs, strict=True):
                fits.update({(Logical(source), target): Fit(sign) for target in targets})
    return fits | _NARROWING


_FITS: Final = _read_table()


def fit(source: pa.Field | pa.DataType, target: pa.Field | pa.DataType) -> Fit:
    """How values of the source type go into a column of the target type."""
    pair = logical(source), logical(target)
    if pair[0] == pair[1] and pair[0] is not Logical.DECIMAL:
        return Fit.SAME
    return _FITS.get(pair, Fit.NEVER)
