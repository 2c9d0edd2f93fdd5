"""Names of what comes out of nested data: given once, kept for ever."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from threading import Lock
from typing import Any, Final

from penstock.core.naming import RESERVED
from penstock.nested.ways import ITEM, Steps

VALUE: Final = "value"
"""The field of a child event for items that have no members."""


class PathNames:
    """Fields and child event types of the events of a pipeline, by their paths.

    The first path to ask for a name gets it; another gets `_2`, `_3` and so on. Several paths
    that ask at once are served in an order of their own, shorter ones first, so that it does not
    matter how the rows stand. What was chosen is for ever: the caller keeps `to_dict` in the
    catalog before the first row under such a name is kept. Threads may share one.

    Args:
        known: what `to_dict` gave last time.
        event_types: names that are taken by other events of the pipeline.
    """

    def __init__(
        self, known: Mapping[str, Any] | None = None, event_types: Collection[str] = ()
    ) -> None:
        stored = known or {}
        self._fields: dict[str, dict[Steps, str]] = {
            event_type: _paths(pairs) for event_type, pairs in stored.get("fields", {}).items()
        }
        self._children: dict[str, dict[Steps, str]] = {
            event_type: _paths(pairs) for event_type, pairs in stored.get("children", {}).items()
        }
        self._event_types = {*event_types}
        self._lock = Lock()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        with self._lock:
            return {
                "fields": {name: _pairs(paths) for name, paths in self._fields.items()},
                "children": {name: _pairs(paths) for name, paths in self._children.items()},
            }

    def children(self, root: str) -> dict[Steps, str]:
        """Child event types that events of this type have had, by the way to their array."""
        with self._lock:
            return dict(self._children.get(root, {}))

    def name_children(self, root: str, ways: Iterable[Steps], separator: str) -> dict[Steps, str]:
        """`<root>_<path>` for each array; what the mapper makes of it is its own matter."""
        with self._lock:
            known = self._children.setdefault(root, {})
            taken = {root, *self._event_types}
            for names in self._children.values():
                taken.update(names.values())
            for steps in sorted({*ways} - known.keys(), key=_order):
                wanted = separator.join((root, *_members(steps)))
                known[steps] = _free(wanted, taken)
                taken.add(known[steps])
            return {steps: known[steps] for steps in ways}

    def name_fields(
        self, event_type: str, ways: Iterable[Steps], separator: str, own: Collection[str] = ()
    ) -> dict[Steps, str]:
        """Names of fields by their paths; no two of an event type are the same.

        Args:
            own: fields that keep their names, unless a path has got one of them already.
        """
        with self._lock:
            known = self._fields.setdefault(event_type, {})
            used = {*known.values()}
            for name in sorted(used.intersection(own)):
                if (name,) not in known:
                    known[(name,)] = _free(name, {*used, *own})
                    used.add(known[(name,)])
            used.update(own)
            for steps in sorted({*ways} - known.keys(), key=_order):
                known[steps] = _free(_unreserved(separator.join(_members(steps))), used)
                used.add(known[steps])
            return {
                steps: known[steps] for steps in (*ways, *((n,) for n in own)) if steps in known
            }


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


def _pairs(paths: Mapping[Steps, str]) -> list[list[Any]]:
    return [[list(steps), name] for steps, name in paths.items()]


def _paths(pairs: Iterable[Any]) -> dict[Steps, str]:
    return {tuple(steps): name for steps, name in pairs}
