"""Which objects `--table` means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from penstock.control.problems import nearest
from penstock.core.cards import Card
from penstock.core.errors import ConfigError
from penstock.core.stream import Stream


def with_qualifiers(
    card: Card, settings: Mapping[str, Any], patterns: Sequence[str]
) -> Mapping[str, Any]:
    """Settings of a source that reads the schemas of tables named in full, too.

    A schema that the URI names is read in any case; the one that is read by default only
    where some pattern has no schema.
    """
    name = card.uri.qualifier if card.uri else None
    named = list(dict.fromkeys(p.partition(".")[0] for p in patterns if "." in p))
    if name is None or not named:
        return settings
    given = _listed(settings[name]) if name in settings else []
    if not given and any("." not in pattern for pattern in patterns):
        given = _listed(card.settings[name].default or "")
    more = [item for item in named if not any(fnmatchcase(item, known) for known in given)]
    return {**settings, name: [*given, *more]}


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def wanted(streams: Sequence[Stream], patterns: Sequence[str]) -> list[Stream]:
    """Streams that any of the patterns names; all without patterns.

    Raises:
        ConfigError: a pattern names none.
    """
    for pattern in patterns:
        if not any(_names(stream, pattern) for stream in streams):
            known = [name for stream in streams for name in _all_names(stream)]
            raise ConfigError(
                f"The source has no table {pattern!r}.{nearest(pattern, known)}",
                hint="It has none that this user may read."
                if not streams
                else "--table takes names and patterns, with or without a schema: orders, sales.*",
                code="config.unknown_object",
            )
    chosen = [s for s in streams if not patterns or any(_names(s, p) for p in patterns)]
    if not chosen:
        raise ConfigError(
            "There is nothing to copy: the source has no table that this user may read.",
            hint="Name another schema or database in the URI, or grant the user SELECT.",
            code="config.no_objects",
        )
    return chosen


def _names(stream: Stream, pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in _all_names(stream))


def _all_names(stream: Stream) -> Iterator[str]:
    """The object's own name, and the table's with and without its schema."""
    yield stream.name
    if stream.namespace:
        bare = stream.name.removeprefix(f"{stream.namespace}.")
        yield from (bare, f"{stream.namespace}.{bare}")


def exact(name: str) -> str:
    """A pattern that matches this name and no other.

    >>> exact("a[1]*")
    'a[[]1][*]'
    """
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)
