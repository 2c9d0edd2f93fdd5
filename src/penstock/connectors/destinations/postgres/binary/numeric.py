"""Decimals as `numeric` travels: a sign, a scale, and digits to the base of 10,000.

Layout: `numeric_send` in src/backend/utils/adt/numeric.c. Zeros at either end are allowed
and dropped by the server, so every row of a column gets the same number of digits.
"""

from __future__ import annotations

import struct
from array import array
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.connectors.destinations.postgres.binary.cells import (
    BINARY,
    NULL_SIZE,
    Cell,
    big_endian,
)

_LIMB: Final = 1 << 32
_BASE: Final = 10_000
_NEGATIVE: Final = 0x4000
# Four digits of two bytes travel as one number of eight.
_PACK: Final = 4

Limbs = list[pa.Array]
"""Whole numbers in pieces, least significant first, each piece in an uint64."""


def numeric_cells(values: pa.Array) -> list[Cell]:
    """The cells of a decimal column."""
    scale = values.type.scale
    pad = -scale % _PACK
    negative, digits = _small(values, 10**pad) or _large(values, 10**pad)
    packs = -(-max(len(digits), 1) // _PACK)
    count = packs * _PACK
    weight = count - 1 - (scale + pad) // _PACK
    head = [
        struct.pack(">ihhHh", 8 + 2 * count, count, weight, sign, max(scale, 0))
        for sign in (_NEGATIVE, 0)
    ]
    first = pc.if_else(negative, *(pa.scalar(one, BINARY) for one in head))
    if values.null_count:
        first = pc.if_else(pc.is_valid(values), first, NULL_SIZE)
    return [first, *(_packed(values, digits, at) for at in reversed(range(packs)))]


def _small(values: pa.Array, factor: int) -> tuple[pa.Array, Limbs] | None:
    """Signs and digits when each number fits into one machine word, as nearly all do."""
    if values.type.bit_width > 128:
        return None
    kind = pa.decimal128(38)
    whole = pa.Array.from_buffers(kind, len(values), values.buffers(), offset=values.offset)
    try:
        signed = pc.multiply_checked(pc.fill_null(whole.cast(pa.int64()), 0), factor)
        rest = pc.abs_checked(signed).cast(pa.uint64())
    except pa.ArrowInvalid:
        return None
    digits = []
    while pc.max(rest).as_py():
        quotient = pc.divide(rest, _u(_BASE))
        digits.append(pc.subtract(rest, pc.multiply(quotient, _u(_BASE))))
        rest = quotient
    return pc.less(signed, pa.scalar(0, pa.int64())), digits


def _large(values: pa.Array, factor: int) -> tuple[pa.Array, Limbs]:
    negative, limbs = _magnitude(values)
    return negative, _digits(_times(limbs, factor))


def _magnitude(values: pa.Array) -> tuple[pa.Array, Limbs]:
    """Which values are below zero, and all without their sign in pieces of 32 bits."""
    width = values.type.bit_width // 32
    raw = array("I")
    data = values.buffers()[1]
    raw.frombytes(memoryview(data.slice(values.offset * width * 4, len(values) * width * 4)))
    parts = [pa.array(raw[at::width], pa.uint64()) for at in range(width)]
    negative = pc.greater_equal(parts[-1], _u(_LIMB >> 1))
    if not pc.any(negative, min_count=0).as_py():
        return negative, _trimmed(parts)
    flip = pc.if_else(negative, _u(_LIMB - 1), _u(0))
    carry = negative.cast(pa.uint64())
    limbs = []
    for part in parts:
        total = pc.add(pc.bit_wise_xor(part, flip), carry)
        carry = pc.shift_right(total, _u(32))
        limbs.append(pc.bit_wise_and(total, _u(_LIMB - 1)))
    return negative, _trimmed(limbs)


def _times(limbs: Limbs, factor: int) -> Limbs:
    if factor == 1 or not limbs:
        return limbs
    carry = pa.repeat(_u(0), len(limbs[0]))
    product = []
    for limb in limbs:
        total = pc.add(pc.multiply(limb, _u(factor)), carry)
        carry = pc.shift_right(total, _u(32))
        product.append(pc.bit_wise_and(total, _u(_LIMB - 1)))
    return _trimmed([*product, carry])


def _digits(limbs: Limbs) -> list[pa.Array]:
    """Digits to the base of 10,000, least significant first, until nothing is left."""
    digits = []
    while limbs:
        rest = None
        quotient = []
        for limb in reversed(limbs):
            here = limb if rest is None else pc.add(pc.shift_left(rest, _u(32)), limb)
            divided = pc.divide(here, _u(_BASE))
            rest = pc.subtract(here, pc.multiply(divided, _u(_BASE)))
            quotient.append(divided)
        digits.append(rest)
        limbs = _trimmed(quotient[::-1])
    return digits


def _packed(values: pa.Array, digits: list[pa.Array], at: int) -> pa.Array:
    """Four digits in one number; those past the most significant are zero."""
    some = digits[at * _PACK : (at + 1) * _PACK]
    total = pa.repeat(_u(0), len(values))
    for place, digit in enumerate(some):
        total = pc.bit_wise_or(total, pc.shift_left(digit, _u(16 * place)))
    if values.null_count:
        total = pc.if_else(pc.is_valid(values), total, pa.scalar(None, pa.uint64()))
    return big_endian(total)


def _trimmed(limbs: Limbs) -> Limbs:
    """Without leading pieces that are zero in every row."""
    while limbs and not pc.max(limbs[-1]).as_py():
        limbs = limbs[:-1]
    return limbs


def _u(number: int) -> pa.Scalar:
    return pa.scalar(number, pa.uint64())
