"""Dates and times read from text by a pattern, over whole columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.convert import convert
from penstock.core.types import TIME, TIMESTAMP, TIMESTAMPTZ
from penstock.transforms.columns import masks
from penstock.transforms.columns.replacing import quoted
from penstock.transforms.columns.zones import instants
from penstock.transforms.date_patterns import DAYS, MONTHS, USUAL, Element, elements

DateOutput = Literal["DATE", "TIMESTAMP", "TIME"]
DEFAULT_PATTERNS: Final = (
    *USUAL,
    "EEE, d MMM yyyy HH:mm:ss Z",
    "EEE, d MMM yyyy HH:mm:ss z",
    "d MMM yyyy HH:mm:ss Z",
)
"""Tried in this order where no pattern is given, after ISO 8601; the last ones are RFC 2822."""


def _names(names: Sequence[str], length: int | None = None) -> str:
    return "(?i:" + "|".join(name[:length] for name in names) + ")"


_NUMBER: Final = {"1": r"\d{1,2}", "2": r"\d{2}"}
_PATTERNS: Final = {
    "yyyy": r"\d{4}",
    "yy": r"\d{2}",
    "M": _NUMBER["1"],
    "MM": _NUMBER["2"],
    "MMM": _names(MONTHS, 3),
    "MMMM": _names(MONTHS),
    "d": _NUMBER["1"],
    "dd": _NUMBER["2"],
    "D": r"\d{1,3}",
    "DDD": r"\d{3}",
    "E": _names(DAYS, 3),
    "EEE": _names(DAYS, 3),
    "EEEE": _names(DAYS),
    "H": _NUMBER["1"],
    "HH": _NUMBER["2"],
    "h": _NUMBER["1"],
    "hh": _NUMBER["2"],
    "a": "(?i:AM|PM)",
    "m": _NUMBER["1"],
    "mm": _NUMBER["2"],
    "s": _NUMBER["1"],
    "ss": _NUMBER["2"],
    "z": r"(?:UTC|GMT|Z)",
    "Z": r"[+-]\d{4}",
    "XXX": r"(?:Z|[+-]\d{2}:\d{2})",
    **{"S" * n: rf"\d{{{n}}}" for n in range(1, 7)},
}
_MEANS: Final = {
    "y": "year",
    "M": "month",
    "d": "day",
    "D": "day_of_year",
    "a": "half",
    "m": "minute",
}
_MEANS_MORE: Final = {"H": "hour", "h": "hour12", "s": "second", "S": "fraction"}
_FIELD: Final = {**_MEANS, **_MEANS_MORE, "z": "offset", "Z": "offset", "X": "offset"}


@dataclass(frozen=True)
class DatePattern:
    """One pattern, ready to read text with."""

    elements: tuple[Element, ...]

    @cached_property
    def _regex(self) -> tuple[str, dict[str, Element]]:
        """The pattern as a regular expression with a group for each element that says something."""
        groups: dict[str, Element] = {}
        made = r"^\s*"
        for element in self.elements:
            if element.literal:
                made += quoted(element.text)
                continue
            name = _FIELD.get(element.text[0])
            if name is None or name in groups:
                made += f"(?:{_PATTERNS[element.text]})"
            else:
                groups[name] = element
                made += f"(?P<{name}>{_PATTERNS[element.text]})"
        return made + r"\s*$", groups

    @property
    def has_date(self) -> bool:
        """Whether it says a day."""
        return "year" in self._regex[1]

    def read(self, texts: pa.StringArray, zone: str) -> pa.Array:
        """Instants; null where the text has another form. A pattern without year reads 1970."""
        pattern, groups = self._regex
        if not groups:
            return pa.nulls(len(texts), TIMESTAMPTZ)
        found = pc.extract_regex(texts, pattern)
        matched = found.is_valid()
        said = {name: masks.kept(found.field(name), matched) for name in groups}
        walls = _walls(said, groups, masks.kept(texts, matched))
        if "offset" not in said:
            return instants(walls, zone)
        return pc.subtract(walls, _offset(said["offset"])).cast(TIMESTAMPTZ)


def _walls(said: dict[str, pa.Array], groups: dict[str, Element], texts: pa.Array) -> pa.Array:
    """What the clock showed, by way of ISO text so that a February 30 is refused."""
    zero = pc.if_else(texts.is_valid(), "00", pa.scalar(None, pa.string()))
    one = pc.if_else(texts.is_valid(), "01", pa.scalar(None, pa.string()))
    month = said.get("month", one)
    if "month" in groups and len(groups["month"].text) > 2:
        month = _month_number(month)
    by_day_of_year = "day_of_year" in said
    iso = pc.binary_join_element_wise(
        _year(said, groups, texts),
        "-",
        one if by_day_of_year else _two(month),
        "-",
        one if by_day_of_year else _two(said.get("day", one)),
        "T",
        _hour(said, zero),
        ":",
        _two(said.get("minute", zero)),
        ":",
        _two(said.get("second", zero)),
        ".",
        pc.utf8_rpad(said.get("fraction", zero), 6, "0"),
        "",
    )
    walls = convert(iso, pa.string(), TIMESTAMP).array
    return _on_day(walls, said["day_of_year"]) if by_day_of_year else walls


def _on_day(walls: pa.Array, day_of_year: pa.Array) -> pa.Array:
    days = pc.subtract(day_of_year.cast(pa.int64()), 1)
    moved = pc.add(walls, pc.multiply(days, 86_400_000_000).cast(pa.duration("us")))
    same_year = masks.certain(pc.equal(pc.year(moved), pc.year(walls)))
    return masks.kept(moved, masks.both(same_year, masks.certain(pc.greater_equal(days, 0))))


def _two(texts: pa.StringArray) -> pa.StringArray:
    return pc.utf8_lpad(texts, 2, "0")


def _year(said: dict[str, pa.Array], groups: dict[str, Element], texts: pa.Array) -> pa.Array:
    if "year" not in said:
        return pc.if_else(texts.is_valid(), "1970", pa.scalar(None, pa.string()))
    if groups["year"].text != "yy":
        return said["year"]
    century = pc.if_else(pc.less_equal(said["year"], "69"), "20", "19")
    return pc.binary_join_element_wise(century, said["year"], "")


def _month_number(names: pa.StringArray) -> pa.StringArray:
    short = pc.utf8_lower(pc.utf8_slice_codeunits(names, 0, 3))
    at = pc.index_in(short, pa.array([name[:3].lower() for name in MONTHS]))
    return pc.add(at, 1).cast(pa.string())


def _hour(said: dict[str, pa.Array], zero: pa.Array) -> pa.StringArray:
    if "hour" in said or "hour12" not in said:
        return _two(said.get("hour", zero))
    hour = said["hour12"].cast(pa.int32())
    usual = pc.and_(pc.greater_equal(hour, 1), pc.less_equal(hour, 12))
    early = pc.if_else(pc.equal(hour, 12), 0, hour)
    if "half" in said:
        late = pc.equal(pc.utf8_upper(said["half"]), "PM")
        early = pc.if_else(late, pc.add(early, 12), early)
    # 99 is no hour: the text is refused with the others that are no time.
    return _two(pc.if_else(usual, early, 99).cast(pa.string()))


def _offset(texts: pa.StringArray) -> pa.Array:
    """+05:30, +0530 or a name of UTC as a duration."""
    plain = pc.replace_substring(texts, ":", "")
    named = pc.invert(pc.match_substring_regex(plain, r"^[+-]"))
    plain = pc.if_else(named, "+0000", plain)
    hours = pc.utf8_slice_codeunits(plain, 1, 3).cast(pa.int64())
    minutes = pc.add(pc.multiply(hours, 60), pc.utf8_slice_codeunits(plain, 3, 5).cast(pa.int64()))
    signed = pc.if_else(pc.starts_with(plain, "-"), pc.negate(minutes), minutes)
    return pc.multiply(signed, 60_000_000).cast(pa.duration("us"))


def read(
    texts: pa.StringArray, patterns: Sequence[DatePattern], zone: str, output: DateOutput
) -> pa.Array:
    """Each text by the first pattern that fits it, ISO 8601 first where there is no pattern.

    Null where none fits. A date is the day that the text names, in the zone given.
    """
    found = pa.nulls(len(texts), TIMESTAMPTZ) if patterns else _iso(texts, zone)
    for pattern in patterns or _defaults():
        rest = masks.minus(texts.is_valid(), found.is_valid())
        if masks.is_none(rest):
            break
        found = pc.coalesce(found, pattern.read(masks.kept(texts, rest), zone))
    return shaped(found, zone, output)


def shaped(found: pa.Array, zone: str, output: DateOutput) -> pa.Array:
    """Instants as dates, times of day or timestamps; the first two on the zone's clock."""
    if output == "TIMESTAMP":
        return found
    walls = pc.local_timestamp(found.cast(pa.timestamp("us", zone)))
    if output == "TIME":
        return walls.cast(TIME)
    return pc.floor_temporal(walls, unit="day").cast(pa.date32())


def _iso(texts: pa.StringArray, zone: str) -> pa.Array:
    has_offset = masks.certain(pc.match_substring_regex(texts, r"\d(Z|[+-]\d{2}(:?\d{2})?)\s*$"))
    day_only = masks.certain(pc.match_substring_regex(texts, r"^\s*\d{4}-\d{2}-\d{2}\s*$"))
    wall = masks.outside(masks.minus(has_offset, day_only))
    walls = convert(masks.kept(texts, wall), pa.string(), TIMESTAMP).array
    moments = convert(masks.kept(texts, masks.outside(wall)), pa.string(), TIMESTAMPTZ).array
    return pc.coalesce(instants(walls, zone), moments)


def _defaults() -> tuple[DatePattern, ...]:
    return tuple(DatePattern(elements(pattern)) for pattern in DEFAULT_PATTERNS)
