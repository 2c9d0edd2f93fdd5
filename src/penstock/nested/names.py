"""Names of what comes out of nested data: given once, kept for ever."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from threading import Lock
from typing import Final

from penstock.core.naming import RESERVED
from penstock.nested.ways import ITEM, Steps

_FIELD: Final = "field"
_CHILD: Final = "child"
VALUE: Final = "value"
"""The field of a child event for items that have no members."""


class PathNames:
    """Fields and child event types of the events of a pipeline, by their paths.

    The first path to ask for a name gets it; another gets `_2`, `_3` and so on. Several paths
    that ask at once are served in an order of their own, shorter ones first, so that it does not
    matter how the rows stand. What was chosen is for ever: the caller keeps `pairs` in the
    catalog before the first row under such a name is kept. Threads may share one.

    Args:
        known: the `pairs` of last time.
        event_types: names that are taken by other events of the pipeline.
    """

    def __init__(
        self, known: Mapping[str, str] | None = None, event_types: Collection[str] = ()
    ) -> None:
        self._fields: dict[str, dict[Steps, str]] = {}
        self._children: dict[str, dict[Steps, str]] = {}
        for text, name in (known or {}).items():
            kind, event_type, steps = json.loads(text)
            kept = self._children if kind == _CHILD else self._fields
            kept.setdefault(event_type, {})[tuple(steps)] = name
        self._event_types = {*event_types}
        self._lock = Lock()

    @property
    def pairs(self) -> dict[str, str]:
        """All that was chosen, as texts; what is in it stays as it is, and more is added."""
        with self._lock:
            return {
                json.dumps([kind, event_type, steps], ensure_ascii=False): name
                for kind, kept in ((_FIELD, self._fields), (_CHILD, self._children))
                for event_type, paths in kept.items()
                for steps, name in paths.items()
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
