"""Events that a script returned, gathered into columns by name and key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import pyarrow as pa

from penstock.transforms.python.api.event import MAX_NAME, Event
from penstock.transforms.python.api.json_text import BadValueError
from penstock.transforms.python.decode import MISSING
from penstock.transforms.python.encode import BadRowsError, Column, column
from penstock.transforms.python.plain import PLAIN, plain

_values, _names, _get = dict.values, dict.keys, dict.get


class RefusedError(Exception):
    """What a script returned cannot go on."""

    def __init__(self, sub_code: str, reason: str) -> None:
        super().__init__(reason)
        self.sub_code = sub_code


@dataclass
class Group:
    """Rows of one name and key; a row may be shorter than the names that came later.

    Args:
        places: of the fields of the key among the names; None while one of them is unknown.
    """

    name: str
    keys: tuple[str, ...]
    names: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()
    places: tuple[int, ...] | None = None
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)

    def learn(self, names: Iterable[str]) -> None:
        """Add the names that are new, after those known."""
        self.names = tuple(dict.fromkeys([*self.names, *names]))
        self.known = frozenset(self.names)
        if self.known.issuperset(self.keys):
            self.places = tuple(self.names.index(key) for key in self.keys)

    def without(self, origins: set[int]) -> None:
        """Forget the rows of these input rows."""
        kept = [i for i, origin in enumerate(self.origins) if origin not in origins]
        self.rows = [self.rows[i] for i in kept]
        self.origins = [self.origins[i] for i in kept]


@dataclass(frozen=True)
class Built:
    """One group as columns."""

    name: str
    keys: tuple[str, ...]
    names: tuple[str, ...]
    columns: list[Column]
    origins: pa.Array


class Outputs:
    """All that came out of one batch so far."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, tuple[str, ...]], Group] = {}
        self._last: Group | None = None

    def add(self, event: Event, origin: int) -> None:
        """Take a snapshot of one event.

        Raises:
            RefusedError: name, a field or the key is not fit to be loaded.
        """
        group = self._last
        if group is None or event._name is not group.name or event._keys is not group.keys:
            group = self._last = self._group(event._name, event._keys)
        found: dict[Any, Any] = event._properties
        if tuple(_names(found)) == group.names:
            row = tuple(_values(found))
        else:
            row = _aligned(found, group)
        if not PLAIN.issuperset(map(type, row)):
            row = tuple(_plain(row, group.names))
        places = group.places
        if places is None:
            raise RefusedError("TRANSFORM_PRIMARY_KEY_MISSING", _absent(group, row))
        for at in places:
            if row[at] is None or row[at] is MISSING:
                raise RefusedError("TRANSFORM_PRIMARY_KEY_MISSING", _absent(group, row))
        group.rows.append(row)
        group.origins.append(origin)

    def _group(self, name: str, keys: tuple[str, ...]) -> Group:
        group = self._groups.get((name, keys))
        if group is None:
            _check_name(name)
            group = self._groups[name, keys] = Group(name, keys)
            group.learn(())
        return group

    def drop(self, origins: set[int]) -> None:
        """Forget what came of these input rows."""
        for group in self._groups.values():
            group.without(origins)

    def drop_from(self, origin: int) -> None:
        """Forget what came last, of this input row."""
        for group in self._groups.values():
            while group.origins and group.origins[-1] == origin:
                group.origins.pop()
                group.rows.pop()

    def build(self, hints: dict[str, pa.DataType]) -> tuple[list[Built], dict[int, str]]:
        """All groups as columns, and the input rows that no column can hold, with a reason."""
        bad: dict[int, str] = {}
        built: list[Built] = []
        for (name, keys), group in self._groups.items():
            if group.rows:
                built.append(_built(name, keys, group, hints, bad))
        if not bad:
            return built, bad
        self.drop(set(bad))
        again, more = self.build(hints)
        return again, {**bad, **more}


def _built(
    name: str,
    keys: tuple[str, ...],
    group: Group,
    hints: dict[str, pa.DataType],
    bad: dict[int, str],
) -> Built:
    columns = []
    for field_name, values in zip(group.names, _columns(group), strict=True):
        try:
            columns.append(column(values, hints.get(field_name)))
        except BadRowsError as error:
            reason = f"{field_name}: {error.reason}"
            bad.update({group.origins[place]: reason for place in error.places})
    return Built(name, keys, group.names, columns, pa.array(group.origins, pa.int32()))


def _columns(group: Group) -> Sequence[Sequence[Any]]:
    width = len(group.names)
    rows = group.rows
    if set(map(len, rows)) != {width}:
        rows = [row + (MISSING,) * (width - len(row)) for row in rows]
    return list(zip(*rows, strict=True)) if width else []


def _checked(found: dict[Any, Any]) -> dict[str, Any]:
    """The same fields under names that are text.

    Raises:
        RefusedError: a name is empty, or no text that can be loaded.
    """
    named = {name if type(name) is str else str(name): v for name, v in dict.items(found)}
    for name in named:
        if not name:
            raise RefusedError("TRANSFORM_BAD_FIELD_NAME", "a field has an empty name")
        try:
            name.encode()
        except UnicodeEncodeError:
            raise RefusedError(
                "TRANSFORM_BAD_FIELD_NAME", f"{name!r} cannot be the name of a field"
            ) from None
    return named


def _check_name(name: object) -> None:
    if type(name) is not str or not name.strip() or len(name) > MAX_NAME:
        raise RefusedError(
            "TRANSFORM_BAD_EVENT_NAME", f"{str(name)[:MAX_NAME]!r} cannot be the name of an event"
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise RefusedError(
            "TRANSFORM_BAD_EVENT_NAME", f"{name!r} cannot be the name of an event"
        ) from None


def _aligned(found: dict[Any, Any], group: Group) -> tuple[Any, ...]:
    """The values in the order of the group's names, which learns those that are new."""
    named = _checked(found)
    if not group.known.issuperset(named):
        group.learn(named)
    return tuple(map(_get, repeat(named), group.names, repeat(MISSING)))


def _absent(group: Group, row: tuple[Any, ...]) -> str:
    """The first field of the key that is not there."""
    there = dict(zip(group.names, row, strict=True))
    return next(repr(key) for key in group.keys if there.get(key) in (None, MISSING))


def _plain(row: tuple[Any, ...], names: tuple[str, ...]) -> Iterable[Any]:
    for name, value in zip(names, row, strict=True):
        try:
            yield value if type(value) in PLAIN else plain(value)
        except BadValueError as error:
            raise RefusedError("TRANSFORM_BAD_VALUE", f"{name}: {error}") from None
