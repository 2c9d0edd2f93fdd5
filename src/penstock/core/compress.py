"""Names shortened to a destination's limit without two long names becoming one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from hashlib import sha256
from typing import Final

from penstock.core.errors import ConfigError

_SHORTEST: Final = 10
"""Eight digits of hash, a separator, one character of the name."""


class Measure(StrEnum):
    """What a destination's limit counts."""

    CHARS = "chars"
    BYTES = "bytes"


def size(name: str, measure: Measure = Measure.CHARS) -> int:
    """Length of a name in characters or UTF-8 bytes."""
    return len(name) if measure is Measure.CHARS else len(name.encode())


def compress(
    name: str,
    limit: int,
    *,
    measure: Measure = Measure.CHARS,
    taken: Callable[[str], bool] = lambda _: False,
) -> str:
    """The name itself if it fits, else the first shorter form that fits and is not taken.

    In this order: the last characters (when the last word alone reaches the limit), words
    abbreviated from the left, words dropped from the left, a hash before the last characters.

    Args:
        name: after sanitizing and prefixing.
        limit: of the destination, in what `measure` says.
        taken: whether another name has this form already.

    Raises:
        ConfigError: the limit is too small for any safe form.
    """
    if size(name, measure) <= limit:
        return name
    if limit < _SHORTEST:
        raise ConfigError(
            "The limit for names is too small.", code="config.name_limit", limit=limit
        )
    for form in _forms(name, limit, measure):
        if 0 < size(form, measure) <= limit and not taken(form):
            return form
    raise ConfigError("No short form of this name is free.", code="config.name_taken", name=name)


def _forms(name: str, limit: int, measure: Measure) -> Iterator[str]:
    words = name.split("_")
    if len(words) == 1 or size(words[-1], measure) >= limit:
        yield _last(name, limit, measure)
    yield from _abbreviated(words)
    yield from _dropped(words)
    yield from _hashed(name, limit, measure)


def _abbreviated(words: list[str]) -> Iterator[str]:
    """Words from the left become their first letter; empty ones (`a__b`) stay separators."""
    for count in range(1, len(words)):
        yield "_".join([*(word[:1] for word in words[:count]), *words[count:]])


def _dropped(words: list[str]) -> Iterator[str]:
    for count in range(1, len(words)):
        yield "_".join(words[count:])


def _hashed(name: str, limit: int, measure: Measure) -> Iterator[str]:
    digits = re.sub(r"^[0-9]", "h", sha256(name.encode()).hexdigest()[:8])
    yield f"{digits}_{_last(name, limit - 9, measure)}"


def _last(name: str, limit: int, measure: Measure) -> str:
    """As many of the last characters as fit; a character is never cut in two."""
    tail = name[-limit:]
    while size(tail, measure) > limit:
        tail = tail[1:]
    return tail
