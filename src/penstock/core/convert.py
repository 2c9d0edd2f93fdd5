"""Columns into another type: exact where it can be, and the rows that do not fit marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import from_text, to_number, to_text
from penstock.core.fits import Fit, fit
from penstock.core.types import (
    JSON,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID,
    Logical,
    data_type,
    logical,
    normal,
)


@dataclass(frozen=True)
class Converted:
    """A converted column; `bad` marks rows whose value did not fit, None when all did.

    Such a row is null in `array`.
    """

    array: pa.Array
    bad: pa.BooleanArray | None = None


Caster = Callable[[pa.Array, pa.DataType], pa.Array]
"""Converts a whole column or raises ArrowInvalid."""


def convert(
    array: pa.Array, from_field: pa.Field | pa.DataType, to_field: pa.Field | pa.DataType
) -> Converted:
    """The column under the target type, by the conversion rules of the mapper.

    Nothing raises: values that do not fit are null and marked bad. Rounding happens only
    where the mapper's table says that precision may be lost.
    """
    source, target = data_type(from_field), data_type(to_field)
    if source == target:
        return Converted(array)
    if source == pa.null():
        return Converted(pa.nulls(len(array), target))
    if fit(source, target) is Fit.NEVER:
        return _none_fits(array, target)
    plain = _normalised(array, source)
    if normal(source) == target:
        return Converted(plain)
    if logical(source) is Logical.STRING and logical(target) is not Logical.JSON:
        # An empty string is null in every column that is not text.
        plain = pc.if_else(pc.equal(plain, ""), pa.scalar(None, pa.string()), plain)
    return _salvage(plain, target, _caster(logical(source), logical(target)))


def _none_fits(array: pa.Array, target: pa.DataType) -> Converted:
    bad = array.is_valid()
    return Converted(
        pa.nulls(len(array), target), bad if pc.any(bad, min_count=0).as_py() else None
    )


def _normalised(array: pa.Array, source: pa.DataType) -> pa.Array:
    """The column under the type we use for its kind, e.g. int64 for uint32."""
    kind = normal(source)
    if kind == source:
        return array
    if kind == JSON:
        return to_text.as_json(array)
    if pa.types.is_timestamp(source):
        # Fractions past microseconds are cut: no destination keeps them.
        return pc.cast(array, kind, safe=False)
    return pc.cast(array, kind)


def _salvage(array: pa.Array, target: pa.DataType, cast: Caster) -> Converted:
    """Cast all rows at once; halve the column around those that do not fit."""
    try:
        return Converted(cast(array, target))
    except pa.ArrowInvalid:
        if len(array) <= 1:
            return Converted(pa.nulls(len(array), target), array.is_valid())
    middle = len(array) // 2
    parts = [_salvage(part, target, cast) for part in (array[:middle], array[middle:])]
    marks = [
        pa.repeat(pa.scalar(False), len(part.array)) if part.bad is None else part.bad
        for part in parts
    ]
    return Converted(pa.concat_arrays([p.array for p in parts]), pa.concat_arrays(marks))


def _caster(source: Logical, target: Logical) -> Caster:
    if target is Logical.STRING:
        return lambda array, _: to_text.as_text(array)
    if target is Logical.JSON:
        return lambda array, _: to_text.as_json(array)
    if source is Logical.STRING:
        return from_text.CASTERS[target]
    if target in to_number.TARGETS:
        return to_number.cast
    return _MOMENTS.get((source, target), _plain)


def _plain(array: pa.Array, target: pa.DataType) -> pa.Array:
    return pc.cast(array, target)


def _lossy(array: pa.Array, target: pa.DataType) -> pa.Array:
    return pc.cast(array, target, safe=False)


def _day(array: pa.Array, target: pa.DataType) -> pa.Array:
    return pc.cast(pc.floor_temporal(array.cast(TIMESTAMP), unit="day"), target)


def _clock(array: pa.Array, target: pa.DataType) -> pa.Array:
    return pc.cast(array.cast(TIMESTAMP), target)


def _clock_in_utc(array: pa.Array, target: pa.DataType) -> pa.Array:
    moments = pc.binary_join_element_wise("1970-01-02T", array.storage, "").cast(TIMESTAMPTZ)
    return pc.cast(moments.cast(TIMESTAMP), target)


def _uuid_bytes(array: pa.Array, target: pa.DataType) -> pa.Array:
    return pc.cast(array.storage, target) if array.type == UUID else pc.cast(array, target)


_MOMENTS: Final[dict[tuple[Logical, Logical], Caster]] = {
    (Logical.TIMESTAMP, Logical.DATE): _day,
    (Logical.TIMESTAMPTZ, Logical.DATE): _day,
    (Logical.TIMESTAMP, Logical.TIME): _clock,
    (Logical.TIMESTAMPTZ, Logical.TIME): _clock,
    (Logical.TIMETZ, Logical.TIME): _clock_in_utc,
    (Logical.UUID, Logical.BYTES): _uuid_bytes,
}
