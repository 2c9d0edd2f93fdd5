"""Which containers are opened, place by place, and what becomes of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from penstock.nested.settings import STRUCTS, NestedSettings, Strategy, strategy_at

Steps = tuple[str | None, ...]
"""The way to a value: names of members, `ITEM` for going into an array."""
ITEM: Final = None


@dataclass(frozen=True)
class Way:
    """What is done at one place.

    Args:
        strategy: in force there.
        objects, arrays: whether they are opened; else they stay whole, as JSON text.
        as_json: all values there stay JSON, scalars too, so that the type never changes.
        one_column: values of several kinds become one text, for a record has one place for them.
    """

    strategy: Strategy
    objects: bool
    arrays: bool
    as_json: bool = False
    one_column: bool = False


def way_at(settings: NestedSettings, steps: Steps) -> Way:
    """The way of these settings, which name a strategy, at the end of the steps."""
    names = tuple(step for step in steps if step is not None)
    strategy, length = strategy_at(settings, names)
    opens = len(steps) < settings.max_depth
    if strategy is Strategy.FLATTEN_SPLIT:
        # An array directly inside an array would be rows of rows: it stays whole.
        return Way(strategy, opens, opens and steps[-1] is not ITEM)
    if strategy in STRUCTS:
        repeated = strategy is Strategy.STRUCT_COLLAPSE_NESTED_ARRAYS
        inside = ITEM in _below(steps, length)
        return Way(strategy, opens, opens and repeated and not inside, one_column=True)
    return Way(strategy, False, False, as_json=strategy is Strategy.JSON_COLUMNS)


def _below(steps: Steps, length: int) -> Steps:
    """The steps after so many names."""
    for place, step in enumerate(steps):
        if length == 0:
            return steps[place:]
        length -= step is not ITEM
    return ()
