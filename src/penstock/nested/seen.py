"""What JSON values at one place have looked like, and the type that decodes them at once.

msgspec decodes into types made to measure several times faster than into dictionaries, and
refuses what they do not foresee; then more is learned. See docs/decisions/0004.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

import msgspec

from penstock.core.infer import JsonNumber
from penstock.nested.settings import NestedSettings
from penstock.nested.ways import ITEM, Steps, way_at

REFUSED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for texts that are no JSON, or are nested too deeply for it."""
NULL: Final = msgspec.Raw(b"null")
_ODD: Final = re.compile(r'["\\\x00-\x1f\x7f]')
"""Names that a struct cannot have."""
MOST_MEMBERS: Final = 2_000
"""Objects in which more names were seen are dictionaries rather than records: each has few of
its names, and a struct would have room for all."""


class Group(StrEnum):
    """Values of one group go into one column without becoming text; objects and arrays apart."""

    BOOL = "BOOL"
    NUMBER = "NUMBER"
    TEXT = "TEXT"
    OBJECT = "OBJECT"
    ARRAY = "ARRAY"


class Form(StrEnum):
    """How the values of a place are decoded."""

    SCALARS = "SCALARS"
    RECORDS = "RECORDS"
    LISTS = "LISTS"
    TEXTS = "TEXTS"
    """As they stand, to be parted by kind: they stay whole, or are of several kinds."""


class Twins(tuple[tuple[str, Any], ...]):
    """Members of an object, those of equal names too."""

    __slots__ = ()

    def items(self) -> Twins:
        """As those of a dictionary."""
        return self


_GROUPS: Final[dict[type, Group]] = {
    bool: Group.BOOL,
    int: Group.NUMBER,
    JsonNumber: Group.NUMBER,
    str: Group.TEXT,
    dict: Group.OBJECT,
    Twins: Group.OBJECT,
    list: Group.ARRAY,
}
_CONTAINERS: Final = frozenset({Group.OBJECT, Group.ARRAY})


class Seen:
    """One place, and those below it, as far as they were seen.

    Args:
        steps: the way to the place.
    """

    def __init__(self, settings: NestedSettings, steps: Steps) -> None:
        self._settings = settings
        self.steps = steps
        self.way = way_at(settings, steps)
        self.groups: set[Group] = set()
        self.members: dict[str, Seen] = {}
        self.items: Seen | None = None

    def learn(self, values: Iterable[Any]) -> None:
        """Take in values decoded without a type."""
        for value in values:
            self._take(value)
        self._forget()

    def _take(self, value: Any) -> None:
        if value is None:
            return
        group = _GROUPS[type(value)]
        self.groups.add(group)
        if group is Group.OBJECT and self.way.objects:
            for name, inner in value.items():
                self.member(name)._take(inner)
        elif group is Group.ARRAY and self.way.arrays:
            item = self.item()
            for inner in value:
                item._take(inner)

    def member(self, name: str) -> Seen:
        """The place of a member."""
        if name not in self.members:
            self.members[name] = Seen(self._settings, (*self.steps, name))
        return self.members[name]

    def item(self) -> Seen:
        """The place of all items of arrays here."""
        if self.items is None:
            self.items = Seen(self._settings, (*self.steps, ITEM))
        return self.items

    def _forget(self) -> None:
        """What was made to measure is too small now."""
        for name in ("form", "type", "column", "records", "lists"):
            self.__dict__.pop(name, None)
        for inner in self.members.values():
            inner._forget()
        if self.items is not None:
            self.items._forget()

    @property
    def dates(self) -> bool:
        """Whether texts may be dates and times."""
        return self._settings.infer_dates

    @property
    def mixed(self) -> bool:
        """Values of more kinds than a column holds without turning them into text."""
        return len(self.groups) > 1

    @cached_property
    def form(self) -> Form:
        if self.way.as_json:
            return Form.TEXTS
        if self.groups.isdisjoint(_CONTAINERS):
            return Form.SCALARS
        if self.groups == {Group.OBJECT} and self.way.objects and not self.is_odd:
            return Form.RECORDS
        return Form.LISTS if self.groups == {Group.ARRAY} and self.opens_arrays else Form.TEXTS

    @property
    def opens_objects(self) -> bool:
        return self.way.objects and not (self.way.one_column and self.mixed)

    @property
    def opens_arrays(self) -> bool:
        whole = self.items is not None and self.items.mixed
        return self.way.arrays and not (self.way.one_column and (self.mixed or whole))

    @property
    def is_odd(self) -> bool:
        """Whether a struct cannot have the members, or should not."""
        return len(self.members) > MOST_MEMBERS or any(map(_ODD.search, self.members))

    @cached_property
    def type(self) -> Any:
        """What decodes a value of this place."""
        if self.form is Form.SCALARS:
            return Any
        if self.form is Form.TEXTS:
            return msgspec.Raw
        return (self.record if self.form is Form.RECORDS else self.list_type) | None

    @property
    def record(self) -> Any:
        """A struct with the members, which refuses others."""
        return msgspec.defstruct(
            "Record",
            [
                (f"f{at}", inner.type, msgspec.field(default=_default(inner), name=name))
                for at, (name, inner) in enumerate(self.members.items())
            ],
            forbid_unknown_fields=True,
            gc=False,
        )

    @property
    def list_type(self) -> Any:
        return list[self.item().type]  # type: ignore[misc]  # made while running

    @cached_property
    def column(self) -> msgspec.json.Decoder[list[Any]]:
        """Decodes an array of values of this place."""
        return msgspec.json.Decoder(list[self.type], float_hook=JsonNumber)  # type: ignore[name-defined]

    @cached_property
    def records(self) -> msgspec.json.Decoder[list[Any]]:
        """Decodes an array of objects of this place."""
        kind = dict[str, msgspec.Raw] if self.is_odd else self.record
        return msgspec.json.Decoder(list[kind], float_hook=JsonNumber)  # type: ignore[valid-type]

    @cached_property
    def lists(self) -> msgspec.json.Decoder[list[Any]]:
        """Decodes an array of arrays of this place."""
        return msgspec.json.Decoder(list[self.list_type], float_hook=JsonNumber)  # type: ignore[name-defined]


def _default(inner: Seen) -> Any:
    return NULL if inner.form is Form.TEXTS else None
