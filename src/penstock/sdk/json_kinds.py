"""What a source's contract says of a field, and how its column is to be typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from penstock.core.errors import ConfigError


class Kind(StrEnum):
    """How the values of a declared field become a column."""

    NUMBER = "number"
    BOOL = "bool"
    INSTANT = "instant"
    LOCAL_TIME = "local_time"
    DATE = "date"
    TEXT = "text"
    JSON = "json"


_ONE = {
    "string(number)": Kind.NUMBER,
    "integer": Kind.NUMBER,
    "number": Kind.NUMBER,
    "string(bool)": Kind.BOOL,
    "boolean": Kind.BOOL,
    "string(datetime)": Kind.INSTANT,
    "string(datetime_naive)": Kind.LOCAL_TIME,
    "string(date)": Kind.DATE,
    "string": Kind.TEXT,
    "object": Kind.JSON,
    "array": Kind.JSON,
    "any": Kind.JSON,
}
_MOMENTS = (Kind.INSTANT, Kind.LOCAL_TIME, Kind.DATE)
_ITEMS = re.compile(r"<[^<>]*>")


def parse_kind(text: str) -> Kind:
    """The kind of a contract's type text, e.g. `string(number)|integer|null`.

    A union of numbers is a number, of a flag with numbers a flag, of moments the richest
    moment, of other scalars text; a union with a container, and `any`, is JSON.

    Raises:
        ConfigError: a part of the text is not known.
    """
    plain = text.replace(" ", "")
    while _ITEMS.search(plain):
        plain = _ITEMS.sub("", plain)
    parts = [part for part in plain.split("|") if part != "null"]
    unknown = [part for part in parts if part not in _ONE]
    if unknown:
        raise ConfigError(
            f"There is no field type {unknown[0]}.",
            hint=f"Choose from: {', '.join(_ONE)}, array<...>, joined by |.",
            code="config.field_type",
        )
    return _join({_ONE[part] for part in parts} or {Kind.JSON})


def _join(kinds: set[Kind]) -> Kind:
    if len(kinds) == 1:
        return next(iter(kinds))
    if Kind.JSON in kinds:
        return Kind.JSON
    if kinds == {Kind.BOOL, Kind.NUMBER}:
        return Kind.BOOL
    if kinds <= {*_MOMENTS}:
        return min(kinds, key=_MOMENTS.index)
    return Kind.TEXT


@dataclass(frozen=True)
class FieldSpec:
    """One declared field: its column always exists, whatever the rows bring."""

    name: str
    kind: Kind

    @classmethod
    def of(cls, name: str, type_text: str) -> FieldSpec:
        return cls(name, parse_kind(type_text))
