"""Boolean columns without nulls: which rows something is true of."""

from __future__ import annotations

from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

Mask: TypeAlias = pa.BooleanArray


def every(rows: int) -> Mask:
    """True for each row."""
    return pa.repeat(pa.scalar(True), rows)


def none(rows: int) -> Mask:
    """True for no row."""
    return pa.repeat(pa.scalar(False), rows)


def certain(flags: pa.Array) -> Mask:
    """Flags with null taken for false."""
    return flags if flags.null_count == 0 else pc.fill_null(flags, False)


def is_all(mask: Mask) -> bool:
    """Whether it is true of every row; also when there is none."""
    return bool(mask.true_count == len(mask))


def is_none(mask: Mask) -> bool:
    """Whether it is true of no row."""
    return bool(mask.true_count == 0)


def both(left: Mask, right: Mask) -> Mask:
    return pc.and_(left, right)


def either(left: Mask, right: Mask) -> Mask:
    return pc.or_(left, right)


def outside(mask: Mask) -> Mask:
    return pc.invert(mask)


def minus(left: Mask, right: Mask) -> Mask:
    """True of the left and not of the right."""
    return pc.and_not(left, right)


def kept(values: pa.Array, where: Mask) -> pa.Array:
    """The values where the mask is true, null elsewhere."""
    if is_all(where):
        return values
    return pc.if_else(where, values, pa.scalar(None, values.type))
