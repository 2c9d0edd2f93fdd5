"""What a user chooses for nested data: a strategy, others for single paths, limits."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from penstock.core.errors import ConfigError

Names = tuple[str, ...]
"""The names on the way to a value; arrays on the way do not show."""


class Strategy(StrEnum):
    """What becomes of objects and arrays (pipelines.md 8.1)."""

    JSON_COLUMNS = "JSON_COLUMNS"
    JSON_STRINGS = "JSON_STRINGS"
    FLATTEN_SPLIT = "FLATTEN_SPLIT"
    STRUCT_COLLAPSE_ARRAYS = "STRUCT_COLLAPSE_ARRAYS"
    STRUCT_COLLAPSE_NESTED_ARRAYS = "STRUCT_COLLAPSE_NESTED_ARRAYS"


class ArrayIndex(StrEnum):
    """How `_ps_array_index` tells the place of a child (pipelines.md 8.3)."""

    PATH = "PATH"
    """Positions of all levels, outermost first: text such as 0.1."""
    PLAIN_INT = "PLAIN_INT"
    """A number that counts the children of a root from 0."""


STRUCTS: Final = frozenset(
    {Strategy.STRUCT_COLLAPSE_ARRAYS, Strategy.STRUCT_COLLAPSE_NESTED_ARRAYS}
)


class NestedSettings(BaseModel):
    """Settings of one event type, those of its pipeline where it has none of its own.

    Args:
        strategy: for all fields; None takes the destination's default.
        overrides: strategies for single paths, e.g. `contacts.phones`: names joined by points,
            arrays not counted; what is below goes with it. A point or backslash that belongs
            to a name has a backslash before it.
        max_depth: containers at the end of so many steps stay whole, as JSON text. Members
            and items are steps; a field of the event is the first.
        separator: between the names of a path, in fields and in child event types.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    strategy: Strategy | None = None
    overrides: dict[str, Strategy] = {}
    max_depth: int = Field(default=10, ge=1, le=100)
    separator: str = Field(default="_", min_length=1, max_length=3)
    array_index: ArrayIndex = ArrayIndex.PATH
    infer_dates: bool = True

    @field_validator("overrides")
    @classmethod
    def _paths(cls, value: dict[str, Strategy]) -> dict[str, Strategy]:
        for path in value:
            if not all(parse_path(path)):
                raise ValueError(f"has a path with an empty name: {path!r}")
        return value


def parse_path(text: str) -> Names:
    """The names of a path: points part them, a backslash takes the next character as it is.

    >>> parse_path(r"meta.v1\\.2")
    ('meta', 'v1.2')
    """
    names, name, escaped = [], "", False
    for sign in text:
        if escaped or sign not in ".\\":
            name, escaped = name + sign, False
        elif sign == "\\":
            escaped = True
        else:
            names.append(name)
            name = ""
    return (*names, name)


def resolved(settings: NestedSettings, offered: Sequence[Strategy]) -> NestedSettings:
    """The settings with a strategy, which the destination offers.

    Args:
        offered: strategies of the destination, its default first.

    Raises:
        ConfigError: a strategy is not offered, or an override stands where it can do nothing.
    """
    strategy = settings.strategy or offered[0]
    for wanted in {strategy, *settings.overrides.values()} - {*offered}:
        raise ConfigError(
            f"The destination does not offer {wanted}.",
            hint=f"Choose one of: {', '.join(offered)}.",
            code="config.json_strategy",
        )
    made = settings.model_copy(update={"strategy": strategy})
    for path in settings.overrides:
        _check_override(made, path)
    return made


def _check_override(settings: NestedSettings, path: str) -> None:
    """An override below what stays whole would be one that nobody sees."""
    names = parse_path(path)
    above = strategy_at(settings, names[:-1])[0] if len(names) > 1 else None
    mine = settings.overrides[path]
    if above in (Strategy.JSON_COLUMNS, Strategy.JSON_STRINGS):
        why = f"what is above it stays whole ({above})"
    elif above in STRUCTS and mine is not above and mine is not Strategy.JSON_STRINGS:
        why = f"what is above it becomes a record ({above}), whose parts can only be JSON_STRINGS"
    else:
        return
    raise ConfigError(
        f"The strategy for {path} cannot be kept: {why}.",
        hint="Choose a strategy for the path above it, too, or leave this one out.",
        code="config.json_path",
    )


def strategy_at(settings: NestedSettings, names: Names) -> tuple[Strategy, int]:
    """The strategy for a path, that of the longest override it begins with; and its length."""
    found, length = settings.strategy, 0
    for path, strategy in settings.overrides.items():
        given = parse_path(path)
        if length < len(given) <= len(names) and names[: len(given)] == given:
            found, length = strategy, len(given)
    assert found is not None, "resolved() gives one"
    return found, length
