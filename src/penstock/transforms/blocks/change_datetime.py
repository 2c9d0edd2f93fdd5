"""Change Datetime Field Values: years, days, hours added to dates and timestamps."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from penstock.core.types import TIMESTAMP
from penstock.transforms.blocks.block import Change, Effect, Group, ValueBlock
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part
from penstock.transforms.columns.masks import Mask

Unit = Literal[
    "YEAR",
    "MONTH",
    "WEEK_OF_YEAR",
    "WEEK_OF_MONTH",
    "DAY_OF_WEEK_IN_MONTH",
    "DAY_OF_MONTH",
    "DAY_OF_YEAR",
    "DAY_OF_WEEK",
    "AM_PM",
    "HOUR",
    "HOUR_OF_DAY",
    "MINUTE",
    "SECOND",
    "MILLISECOND",
]
_DAY_US: Final = 86_400_000_000
_MONTHS: Final[dict[str, int]] = {"YEAR": 12, "MONTH": 1}
_DAYS: Final[dict[str, int]] = {
    "WEEK_OF_YEAR": 7,
    "WEEK_OF_MONTH": 7,
    "DAY_OF_WEEK_IN_MONTH": 7,
    "DAY_OF_MONTH": 1,
    "DAY_OF_YEAR": 1,
    "DAY_OF_WEEK": 1,
}
_MICROSECONDS: Final[dict[str, int]] = {
    "AM_PM": _DAY_US // 2,
    "HOUR": 3_600_000_000,
    "HOUR_OF_DAY": 3_600_000_000,
    "MINUTE": 60_000_000,
    "SECOND": 1_000_000,
    "MILLISECOND": 1_000,
}
_FURTHEST: Final = 10_000 * 366 * _DAY_US
"""No date is further from another than this, in microseconds."""
_FIRST: Final = -62_135_596_800_000_000
_LAST: Final = 253_402_300_799_999_999
"""Years 1 to 9999 in microseconds since 1970."""


class DatetimeStep(BaseModel):
    """So many of a unit; less than zero goes back."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    unit: Unit
    """What is added; January is month 1, Sunday day 1 of a week."""
    amount: int = Field(ge=-(10**15), le=10**15)
    """How many of them."""


class ChangeDatetime(ValueBlock):
    """Add amounts of units, in order; months end on their last day where the day is missing."""

    type: ClassVar = "CHANGE_DATETIME"
    title: ClassVar = "Change Datetime Field Values"
    group: ClassVar = Group.DATE
    effect: ClassVar = Effect.SAME_COLUMN
    handles: ClassVar = frozenset({Kind.DATE, Kind.TIMESTAMP})

    changes: list[DatetimeStep] = Field(min_length=1)
    """Amounts of units, added in order; less than zero goes back."""

    def result(self, kind: pa.DataType) -> pa.DataType:
        return kind

    def change(self, part: Part) -> Change:
        if part.kind is Kind.DATE and any(c.unit in _MICROSECONDS for c in self.changes):
            cause = "A date has no hours, minutes or seconds to change."
            return Change(Column(len(part.values)), ((part.values.is_valid(), cause),))
        micros = part.values.cast(TIMESTAMP).cast(pa.int64())
        bad = masks.none(len(micros))
        for step in self.changes:
            micros, out = _stepped(micros, step)
            bad = masks.either(bad, out)
        kind = part.values.type
        moved = micros.cast(TIMESTAMP).cast(kind)
        cause = "The result is outside of the years 1 to 9999."
        return Change(Column.of(part.kind, moved), ((bad, cause),))


def _stepped(micros: pa.Array, step: DatetimeStep) -> tuple[pa.Array, Mask]:
    """Each moved by the step, and those that leave the calendar: they are null from then on."""
    months = step.amount * _MONTHS.get(step.unit, 0)
    apart = step.amount * (_DAYS.get(step.unit, 0) * _DAY_US + _MICROSECONDS.get(step.unit, 0))
    if months:
        return _months(micros, months)
    if abs(apart) > _FURTHEST:
        return pa.nulls(len(micros), pa.int64()), micros.is_valid()
    moved = pc.add(micros, apart)
    inside = pc.and_(pc.greater_equal(moved, _FIRST), pc.less_equal(moved, _LAST))
    return _inside(moved, masks.certain(inside))


def _inside(moved: pa.Array, inside: Mask) -> tuple[pa.Array, Mask]:
    return masks.kept(moved, inside), masks.minus(moved.is_valid(), inside)


def _months(micros: pa.Array, months: int) -> tuple[pa.Array, Mask]:
    days = pc.floor_temporal(micros.cast(TIMESTAMP), unit="day")
    clock = pc.subtract(micros, days.cast(pa.int64()))
    count = pc.add(pc.add(pc.multiply(pc.year(days), 12), pc.subtract(pc.month(days), 1)), months)
    usual = pc.and_(pc.greater_equal(count, 12), pc.less(count, 120_000))
    inside = masks.certain(usual)
    count = masks.kept(count, inside)
    first = _month_start(count)
    # December 9999 has no month after it: every December has 31 days.
    following = pc.if_else(pc.less(count, 119_999), pc.add(count, 1), pc.subtract(count, 11))
    length = pc.subtract(_month_start(following), first)
    december = pc.equal(count, 119_999)
    length = pc.if_else(december, 31, length)
    day = pc.subtract(pc.min_element_wise(pc.day(days), length), 1)
    moved = pc.add(pc.multiply(pc.add(first, day), _DAY_US), clock)
    return masks.kept(moved, inside), masks.minus(micros.is_valid(), inside)


def _month_start(count: pa.Array) -> pa.Array:
    """Days from 1970 to the first of the month, months counted from the year 0."""
    year = pc.divide(count, 12)
    month = pc.add(pc.subtract(count, pc.multiply(year, 12)), 1)
    text = pc.binary_join_element_wise(
        pc.utf8_lpad(year.cast(pa.string()), 4, "0"),
        pc.utf8_lpad(month.cast(pa.string()), 2, "0"),
        "01",
        "-",
    )
    return text.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
