"""How soon the rows of a log that is followed have to be in the destination."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

_FORMS: Final = "Write a time (200ms, 1s, 5m), a number of rows (10000rows) or a size (16MB)"
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0}
_BYTES: Final = {"kb": 10**3, "mb": 10**6, "gb": 10**9}
LEAST_S: Final = 0.05
MOST_S: Final = 3_600.0


@dataclass(frozen=True)
class Flush:
    """Whichever comes first; None leaves it to the memory budget."""

    seconds: float = 5.0
    rows: int | None = None
    bytes: int | None = None

    @staticmethod
    def parse(texts: Sequence[str]) -> Flush:
        """From words such as `1s`, `10000rows`, `16MB`.

        Raises:
            ValueError: one of them is none of these.
        """
        found = Flush()
        for text in texts:
            found = _with(found, text)
        return found


def _with(flush: Flush, text: str) -> Flush:
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,3})?)\s*([a-z]+)", text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} says not when to load. {_FORMS}.")
    number, unit = float(match[1]), match[2]
    if unit in _SECONDS:
        return replace(flush, seconds=min(max(number * _SECONDS[unit], LEAST_S), MOST_S))
    if unit in _BYTES and number >= 1:
        return replace(flush, bytes=int(number * _BYTES[unit]))
    if unit in ("row", "rows") and number >= 1:
        return replace(flush, rows=int(number))
    raise ValueError(f"{text!r} says not when to load. {_FORMS}.")
