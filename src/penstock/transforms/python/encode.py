"""Values of one field as an Arrow column (record 0041).

A field keeps the type it came with as long as every value fits it exactly; otherwise the values
decide, and values of several types meet by `core.widen`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.convert import convert
from penstock.core.types import (
    JSON,
    MAX_DIGITS,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    UUID,
    decimal_type,
    json_array,
)
from penstock.core.widen import common
from penstock.transforms.python.decode import MISSING, Missing
from penstock.transforms.python.plain import Clock, Json, in_utc

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
Hint: TypeAlias = Any
"""An Arrow type, or None."""


class BadRowsError(Exception):
    """Values that no column can hold: the places, and one reason."""

    def __init__(self, places: list[int], reason: str) -> None:
        super().__init__(reason)
        self.places = places
        self.reason = reason


@dataclass(frozen=True)
class Column:
    """One field: its values, and where null was set; None when it never was."""

    array: pa.Array
    nulls: pa.Array | None


def column(values: Sequence[Any], hint: Hint) -> Column:
    """The column of these plain values.

    Args:
        values: MISSING where the event has no such field.
        hint: the type with which the field came, if it did.

    Raises:
        BadRowsError: text with half of a surrogate pair.
    """
    kinds = set(map(type, values))
    if float in kinds and (found := _unreal(values)) is not None:
        values, kinds = found, set(map(type, found))
    nulls = pa.array([v is None for v in values], pa.bool_()) if type(None) in kinds else None
    if Missing in kinds:
        values = [None if v is MISSING else v for v in values]
    kinds -= {type(None), Missing}
    if not kinds:
        return Column(pa.nulls(len(values), hint or pa.null()), nulls)
    array = _of_one_kind(values, kinds.pop(), hint) if len(kinds) == 1 else _mixed(values, kinds)
    if hint is not None and array.type != hint:
        array = _as_it_came(array, hint)
    return Column(array, nulls)


def _unreal(values: Sequence[Any]) -> list[Any] | None:
    """The values with null for NaN and infinities; None when there are none of them."""
    places = [i for i, v in enumerate(values) if type(v) is float and not math.isfinite(v)]
    if not places:
        return None
    changed = list(values)
    for place in places:
        changed[place] = None
    return changed


def _mixed(values: Sequence[Any], kinds: set[type]) -> pa.Array:
    parts = []
    for kind in sorted(kinds, key=lambda kind: kind.__name__):
        own = [value if type(value) is kind else None for value in values]
        parts.append(_of_one_kind(own, kind, None))
    target = common(part.type for part in parts)
    return (
        pc.coalesce(*(_storage(convert(p, p.type, target).array) for p in parts))
        if (target != JSON)
        else json_array(pc.coalesce(*(_storage(convert(p, p.type, JSON).array) for p in parts)))
    )


def _storage(array: pa.Array) -> pa.Array:
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _of_one_kind(values: Sequence[Any], kind: type, hint: Hint) -> pa.Array:
    return _MAKERS[kind](values, hint)


def _text(values: Sequence[Any], _: Hint) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        places = [place for place, value in enumerate(values) if not _is_utf8(value)]
        raise BadRowsError(places, "text with half of a surrogate pair cannot be loaded") from None


def _is_utf8(value: str | None) -> bool:
    try:
        return value is None or bool(value.encode()) or True
    except UnicodeEncodeError:
        return False


def _integers(values: Sequence[Any], hint: Hint) -> pa.Array:
    first = (hint,) if hint is not None and pa.types.is_signed_integer(hint) else ()
    for kind in (*first, pa.int32(), pa.int64()):
        try:
            return pa.array(values, kind)
        except (pa.ArrowInvalid, OverflowError):
            continue
    digits = max(len(str(abs(value))) for value in values if value is not None)
    if digits > MAX_DIGITS:
        return pa.array([None if v is None else str(v) for v in values], pa.string())
    return pa.array([None if v is None else Decimal(v) for v in values], decimal_type(digits, 0))


def _decimals(values: Sequence[Any], hint: Hint) -> pa.Array:
    if hint is not None and pa.types.is_decimal(hint):
        try:
            return pa.array(values, hint)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            pass  # more digits than it came with: the values decide
    known = [v if v is not None and v.is_finite() else None for v in values]
    shapes = [_shape(value) for value in known if value is not None]
    if not shapes:
        return pa.nulls(len(values), pa.decimal128(1, 0))
    kind = decimal_type(max(whole for whole, _ in shapes), max(scale for _, scale in shapes))
    if kind is None:
        return pa.array([None if v is None else format(v, "f") for v in known], pa.string())
    return pa.array(known, kind)


def _shape(value: Decimal) -> tuple[int, int]:
    """Digits before and after the point."""
    _, digits, exponent = value.as_tuple()
    places = int(exponent)
    return max(len(digits) + places, 0), max(-places, 0)


def _moments(values: Sequence[Any], hint: Hint) -> pa.Array:
    micros: Sequence[int | None]
    try:
        micros = [(v - _EPOCH) // _MICROSECOND for v in values]
    except Exception:  # noqa: BLE001
        # Nulls, moments without a zone, and whatever a zone of the script's own raises.
        micros = _micros(values)
    return pa.array(micros, pa.int64()).view(hint if hint == TIMESTAMP else TIMESTAMPTZ)


def _micros(values: Sequence[datetime | None]) -> list[int | None]:
    """Microseconds since 1970, value by value.

    Raises:
        BadRowsError: moments that have none.
    """
    found: list[int | None] = []
    bad: list[int] = []
    reason = ""
    for place, value in enumerate(values):
        try:
            found.append(None if value is None else (in_utc(value) - _EPOCH) // _MICROSECOND)
        except Exception as error:  # noqa: BLE001
            bad.append(place)
            reason = str(error)
            found.append(None)
    if bad:
        raise BadRowsError(bad, reason)
    return found


def _plainly(kind: pa.DataType) -> Callable[[Sequence[Any], Hint], pa.Array]:
    return lambda values, _: pa.array(values, kind)


def _json(values: Sequence[Any], _: Hint) -> pa.Array:
    return json_array(pa.array(values, pa.string()))


def _clocks(values: Sequence[Any], _: Hint) -> pa.Array:
    return pa.ExtensionArray.from_storage(TIMETZ, pa.array(values, pa.string()))


_MAKERS: Final[dict[type, Callable[[Sequence[Any], Hint], pa.Array]]] = {
    str: _text,
    int: _integers,
    float: _plainly(pa.float64()),
    bool: _plainly(pa.bool_()),
    Decimal: _decimals,
    date: _plainly(pa.date32()),
    datetime: _moments,
    time: _plainly(TIME),
    bytes: _plainly(pa.binary()),
    Json: _json,
    Clock: _clocks,
}


def _as_it_came(array: pa.Array, hint: pa.DataType) -> pa.Array:
    """The column under the type of its field where that changes no value."""
    if pa.types.is_list(hint) and array.type == JSON:
        return _lists(array, hint)
    if not _may_return(array.type, hint):
        return array
    back = convert(array, array.type, hint)
    if back.bad is not None or back.array.null_count != array.null_count:
        return array
    again = convert(back.array, hint, array.type)
    return back.array if _storage(again.array).equals(_storage(array)) else array


def _may_return(kind: pa.DataType, hint: pa.DataType) -> bool:
    """Whether scripts get values of `kind` for columns of `hint`."""
    if kind == pa.string():
        return bool(hint == UUID)
    numbers = pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal
    if pa.types.is_integer(kind) and pa.types.is_decimal(hint):
        return True
    return any(same(kind) and same(hint) for same in numbers)


def _lists(array: pa.Array, hint: pa.ListType) -> pa.Array:
    """Arrays as the lists they came as, if all their items are of the items' type."""
    item = _item(hint.value_type)
    found = [None if text is None else json.loads(text) for text in array.storage.to_pylist()]
    if item is None or not all(value is None or _is_list_of(value, item) for value in found):
        return array
    try:
        return pa.array(found, hint)
    except (pa.ArrowInvalid, OverflowError):
        return array


def _item(kind: pa.DataType) -> type | None:
    """The Python type whose JSON holds every value of this type exactly."""
    if pa.types.is_signed_integer(kind):
        return int
    return {pa.string(): str, pa.float64(): float, pa.bool_(): bool}.get(kind)


def _is_list_of(value: object, item: type) -> bool:
    return type(value) is list and all(one is None or type(one) is item for one in value)
