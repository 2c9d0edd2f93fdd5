"""Columns as the text in which the server takes their values."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.connectors.destinations.mysql.hexes import uuids
from penstock.connectors.destinations.mysql.types import type_name
from penstock.core.convert import convert
from penstock.core.errors import DataError
from penstock.core.to_text import as_text
from penstock.core.types import JSON, TIMESTAMP, Logical, logical

# https://mariadb.com/kb/en/datetime/ and https://dev.mysql.com/doc/refman/8.4/en/datetime.html;
# years before 1000 are kept as well, and the year 0 is no year of Arrow's calendar.
_YEARS: Final = {
    Logical.DATE: (date(1, 1, 1), date(9999, 12, 31)),
    Logical.TIMESTAMP: (datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)),  # noqa: DTZ001
}


class ColumnTexts:
    """Turns columns into text (`binary` arrays, nulls stay) and counts what had to change."""

    def __init__(self) -> None:
        self._lost: Counter[str] = Counter()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was changed in values, told after the last row."""
        return tuple(
            f"{count} value{'s' * (count > 1)} of {name} {'were' if count > 1 else 'was'} not a "
            "finite number, which MySQL cannot store: NULL stands for it."
            for name, count in self._lost.items()
        )

    def text(self, array: pa.Array, name: str, kind: pa.DataType) -> pa.BinaryArray:
        """The values of a column of this (normal) type as bytes of text.

        Raises:
            DataError: a value is none of the type, or the server has no such value.
        """
        if array.type != kind:
            array = _converted(array, name, kind)
        family = logical(kind)
        if family in (Logical.FLOAT, Logical.DOUBLE):
            array = self._finite(array.cast(pa.float64()), name)
        elif family is Logical.BOOLEAN:
            array = array.cast(pa.int8())
        elif family is Logical.TIMESTAMPTZ:
            array, family = array.cast(TIMESTAMP), Logical.TIMESTAMP
        elif family is Logical.UUID:
            return uuids(array.storage)
        elif family is Logical.DECIMAL and type_name(kind) == "longtext":
            array = as_text(array)
        elif hasattr(array, "storage"):
            array = array.storage
        if family in _YEARS:
            _check_years(array, name, family)
        return array if array.type == pa.binary() else array.cast(pa.string()).cast(pa.binary())

    def _finite(self, array: pa.Array, name: str) -> pa.Array:
        fine = pc.is_finite(array)
        lost = pc.sum(pc.invert(fine)).as_py()
        if not lost:
            return array
        self._lost[name] += lost
        return pc.if_else(fine, array, pa.scalar(None, array.type))


def travels_as(field: pa.Field) -> pa.DataType:
    """The type in which a column's values are sent."""
    return JSON if logical(field) is Logical.ARRAY else field.type


def _converted(array: pa.Array, name: str, kind: pa.DataType) -> pa.Array:
    found = convert(array, array.type, kind)
    if found.bad is not None:
        raise DataError(f"A value of {name} does not fit its column.", code="INCOMPATIBLE_TYPE")
    return found.array


def _check_years(array: pa.Array, name: str, family: Logical) -> None:
    first, last = (pa.scalar(end, array.type) for end in _YEARS[family])
    outside = pc.or_(pc.less(array, first), pc.greater(array, last))
    if pc.any(outside).as_py():
        raise DataError(
            f"A value of {name} is not in the years 1 to 9999, which MySQL can store.",
            code="NUMERIC_OUT_OF_RANGE",
        )
