"""Text as numbers and back, and rounding, over whole columns."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.convert import convert
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part, joined
from penstock.transforms.columns.masks import Mask

_INTEGER: Final = r"^[+-]?[0-9]+$"
_PLAIN: Final = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$"
_EXPONENT: Final = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]{1,2}$"
DIGITS: Final = 76

Mode = Literal["HALF_UP", "HALF_EVEN", "UP", "DOWN", "CEILING", "FLOOR"]
_MODES: Final[dict[Mode, str]] = {
    "HALF_UP": "half_towards_infinity",
    "HALF_EVEN": "half_to_even",
    "UP": "towards_infinity",
    "DOWN": "towards_zero",
    "CEILING": "up",
    "FLOOR": "down",
}


def from_text(texts: pa.StringArray) -> Column:
    """Texts that are numbers, exactly: whole ones as integers, others as decimals.

    Spaces around are allowed, and exponents of two digits. Rows whose text is no number have
    nothing.
    """
    trimmed = pc.utf8_trim_whitespace(texts)
    whole = _where(trimmed, _INTEGER)
    parts = _whole(masks.kept(trimmed, whole))
    if whole.true_count < len(texts) - texts.null_count:
        plain = masks.minus(_where(trimmed, _PLAIN), whole)
        parts += _fractions(masks.kept(trimmed, plain))
        parts += _exponents(masks.kept(trimmed, _where(trimmed, _EXPONENT)))
    return joined(len(texts), [part for part in parts if part.values.null_count < len(texts)])


def _where(texts: pa.StringArray, pattern: str) -> Mask:
    return masks.certain(pc.match_substring_regex(texts, pattern))


def _whole(texts: pa.StringArray) -> list[Part]:
    small = convert(texts, pa.string(), pa.int64())
    parts = [Part(Kind.NUMBER, small.array)]
    if small.bad is not None:
        wide = convert(masks.kept(texts, small.bad), pa.string(), pa.decimal256(DIGITS, 0))
        parts.append(Part(Kind.NUMBER, wide.array))
    return parts


def _fractions(texts: pa.StringArray) -> list[Part]:
    if texts.null_count == len(texts):
        return []
    scale = min(largest_scale(texts), DIGITS)
    return [
        Part(Kind.NUMBER, _decimal(convert(texts, pa.string(), pa.decimal256(DIGITS, scale)).array))
    ]


def largest_scale(texts: pa.StringArray) -> int:
    """The most digits that any of these plain numbers has behind its point."""
    point = pc.find_substring(texts, ".")
    behind = pc.subtract(pc.subtract(pc.binary_length(texts), point), 1)
    return int(pc.max(pc.if_else(pc.less(point, 0), 0, behind)).as_py() or 0)


def _exponents(texts: pa.StringArray) -> list[Part]:
    if texts.null_count == len(texts):
        return []
    return exact([None if text is None else Decimal(text) for text in texts.to_pylist()])


def exact(numbers: Sequence[Decimal | None]) -> list[Part]:
    """Exact numbers as columns: whole ones as integers where they fit, others as decimals.

    Numbers of more digits than a decimal has are left out.
    """
    whole = [
        n if n is not None and n == n.to_integral_value() and abs(n) < 2**63 else None
        for n in numbers
    ]
    rest = [n if w is None else None for n, w in zip(numbers, whole, strict=True)]
    parts = []
    if any(n is not None for n in whole):
        integers = [None if n is None else int(n) for n in whole]
        parts.append(Part(Kind.NUMBER, pa.array(integers, pa.int64())))
    if any(n is not None for n in rest):
        texts = pa.array([None if n is None else format(n, "f") for n in rest], pa.string())
        wide = pa.decimal256(DIGITS, min(largest_scale(texts), DIGITS))
        parts.append(Part(Kind.NUMBER, _decimal(convert(texts, pa.string(), wide).array)))
    return parts


def _decimal(wide: pa.Array) -> pa.Array:
    """The same numbers in 38 digits when they fit."""
    try:
        return wide.cast(pa.decimal128(38, wide.type.scale))
    except (pa.ArrowInvalid, ValueError):
        return wide


def rounded(values: pa.Array, decimals: int, mode: Mode = "HALF_UP") -> pa.Array:
    """Numbers at so many places, of the type they had; floats by their shortest text."""
    if pa.types.is_integer(values.type):
        return values if decimals >= 0 else _integers(values, decimals, mode)
    if pa.types.is_floating(values.type):
        return _floats(values, decimals, mode)
    if decimals >= values.type.scale:
        return values
    return _round(values, decimals, mode)


def _integers(values: pa.Array, decimals: int, mode: Mode) -> pa.Array:
    return _round(values.cast(pa.decimal128(19, 0)), decimals, mode).cast(pa.int64())


def _round(decimals: pa.Array, places: int, mode: Mode) -> pa.Array:
    """Arrow wants room for a digit more than it had, and no place beyond the first digit."""
    scale = decimals.type.scale
    wide = decimals.cast(pa.decimal256(DIGITS, scale))
    return _decimal(pc.round(wide, places, round_mode=_MODES[mode]))


def _floats(values: pa.Array, decimals: int, mode: Mode) -> pa.Array:
    texts = values.cast(pa.string())
    plain = _where(texts, _PLAIN)
    usual = masks.kept(texts, plain)
    scale = largest_scale(usual)
    if scale > decimals:
        exact_numbers = usual.cast(pa.decimal256(DIGITS, min(scale, 40)))
        usual = _round(exact_numbers, decimals, mode).cast(pa.string())
    result = usual.cast(pa.float64())
    if masks.is_all(masks.either(plain, values.is_null())):
        return result
    rest = [
        _one(value, decimals, mode)
        for value in masks.kept(values, masks.outside(plain)).to_pylist()
    ]
    return pc.coalesce(result, pa.array(rest, pa.float64()))


def _one(value: float | None, decimals: int, mode: Mode) -> float | None:
    """A float that prints with an exponent; NaN and infinity stay."""
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return value
    with localcontext(prec=400):
        return float(Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), _PYTHON[mode]))


_PYTHON: Final[dict[Mode, str]] = {
    "HALF_UP": ROUND_HALF_UP,
    "HALF_EVEN": "ROUND_HALF_EVEN",
    "UP": "ROUND_UP",
    "DOWN": "ROUND_DOWN",
    "CEILING": "ROUND_CEILING",
    "FLOOR": "ROUND_FLOOR",
}
