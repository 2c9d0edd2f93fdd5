"""Names of what comes out of nested data: given once, kept for ever."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from threading import Lock
from typing import Final, Protocol

from penstock.core.naming import RESERVED
from penstock.nested.ways import ITEM, Steps

CHILDREN: Final = "children"
VALUE: Final = "value"
"""The field of a child event for items that have no members."""


class NameStore(Protocol):
    """Keeps names for ever, in scopes; the catalog's memory of names is one."""

    def names(self, scope: str) -> Mapping[str, str]:
        """All pairs original -> name of a scope."""

    def remember(self, scope: str, names: Mapping[str, str]) -> None:
        """Add pairs; no two of a scope have the same name."""


class InMemory:
    """A store for previews, which forgets when it goes."""

    def __init__(self) -> None:
        self.scopes: dict[str, dict[str, str]] = {}

    def names(self, scope: str) -> Mapping[str, str]:
        return self.scopes.get(scope, {})

    def remember(self, scope: str, names: Mapping[str, str]) -> None:
        self.scopes.setdefault(scope, {}).update(names)


class PathNames:
    """Fields and child event types of the events of a pipeline, by their paths.

    The first path to ask for a name gets it; another gets `_2`, `_3` and so on. Several paths
    that ask at once are served in an order of their own, shorter ones first, so that it does not
    matter how the rows stand. What was chosen is stored before it is told. Threads may share one.

    Args:
        store: keeps the names; scopes begin with `prefix`.
        event_types: names that are taken by other events of the pipeline.
    """

    def __init__(
        self, store: NameStore | None = None, prefix: str = "", event_types: Collection[str] = ()
    ) -> None:
        self._store = InMemory() if store is None else store
        self._prefix = prefix
        self._event_types = {*event_types}
        self._lock = Lock()

    def children(self, root: str) -> dict[Steps, str]:
        """Child event types that events of this type have had, by the way to their array."""
        found = {}
        for text, name in self._store.names(f"{self._prefix}{CHILDREN}").items():
            event_type, steps = json.loads(text)
            if event_type == root:
                found[tuple(steps)] = name
        return found

    def name_children(self, root: str, ways: Iterable[Steps], separator: str) -> dict[Steps, str]:
        """`<root>_<path>` for each array; what the mapper makes of it is its own matter."""
        wanted = {
            _text([root, way]): separator.join((root, *_members(way)))
            for way in sorted(ways, key=_order)
        }
        taken = {root, *self._event_types}
        names = self._chosen(CHILDREN, wanted, taken)
        return {way: names[_text([root, way])] for way in ways}

    def name_fields(
        self, event_type: str, ways: Iterable[Steps], separator: str, own: Collection[str] = ()
    ) -> dict[Steps, str]:
        """Names of fields by their paths; no two of an event type are the same.

        Args:
            own: fields that keep their names, unless a path has got one of them already.
        """
        scope = f"fields of {event_type}"
        used = {*self._store.names(f"{self._prefix}{scope}").values()}
        late = {_text([name]): name for name in sorted(used.intersection(own))}
        moved = self._chosen(scope, late, own) if late else {}
        wanted = {
            _text(way): _unreserved(separator.join(_members(way)))
            for way in sorted(ways, key=_order)
        }
        names = self._chosen(scope, wanted, own)
        found: dict[Steps, str] = {way: names[_text(way)] for way in ways}
        return found | {(name,): moved[_text([name])] for name in late.values()}

    def _chosen(
        self, scope: str, wanted: Mapping[str, str], taken: Collection[str]
    ) -> Mapping[str, str]:
        """The names of a scope, after those that have none have got one, in the order given."""
        scope = f"{self._prefix}{scope}"
        with self._lock:
            known = self._store.names(scope)
            used = {*known.values(), *taken}
            new = {}
            for text, name in wanted.items():
                if text not in known:
                    new[text] = _free(name, used)
                    used.add(new[text])
            if new:
                self._store.remember(scope, new)
            return self._store.names(scope)


def _text(path: Iterable[object]) -> str:
    return json.dumps(list(path), ensure_ascii=False)


def _members(steps: Steps) -> tuple[str, ...]:
    return tuple(step for step in steps if step is not ITEM)


def _order(steps: Steps) -> tuple[int, list[tuple[bool, str]]]:
    return len(steps), [(step is ITEM, step or "") for step in steps]


def _free(wanted: str, taken: Collection[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def _unreserved(name: str) -> str:
    """Members of users that look like columns of ours get out of the way, as in `core.naming`."""
    return f"src_{name}" if name.lower().startswith(RESERVED) else name
