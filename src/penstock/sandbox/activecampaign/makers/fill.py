"""Plain values for every field of a table by its JSON type; makers overwrite what they know."""

from collections.abc import Callable

from penstock.sandbox.activecampaign.clock import ZERO_DATE, ZERO_TIME, Clock
from penstock.sandbox.activecampaign.dice import Dice
from penstock.sandbox.activecampaign.makers import words
from penstock.sandbox.activecampaign.makers.world import Row, Start, World

CREATED = frozenset(
    ("cdate", "created_timestamp", "created_utc_timestamp", "createdTimestamp", "createdDate")
)
UPDATED = frozenset(
    (
        *("udate", "mdate", "tstamp", "updatedTimestamp", "updatedDate"),
        *("updated_timestamp", "updated_utc_timestamp"),
    )
)
_PEOPLE = frozenset(("created_by", "updated_by", "createdBy", "updatedBy", "userid", "user"))


def fill(world: World, table: str, start: Start) -> Row:
    """A full row without `id` and `links`; optional fields are there seven times in ten."""
    spec = world.contract[table]
    return {
        name: _value(world, name, kind, start)
        for name, kind in spec.fields.items()
        if name not in ("id", "links") and (name not in spec.optional or start.dice.chance(70))
    }


def stamp(world: World, kind: str, at: int, dice: Dice) -> str:
    """An instant in the format that a field's type asks for."""
    kinds = [part for part in kind.split("|") if part != "null"]
    chosen = dice.pick(kinds)
    if chosen == "string(date)":
        return world.clock.day(at)
    return world.clock.naive(at) if "naive" in chosen else world.clock.offset(at)


def restamp(clock: Clock, kind: str, old: object, at: int) -> str:
    """A newer instant in the format that the value has now, else that of its type."""
    naive = " " in old if isinstance(old, str) and old else "naive" in kind
    return clock.naive(at) if naive else clock.offset(at)


def _value(world: World, name: str, kind: str, start: Start) -> object:
    dice = start.dice
    if "date" in kind:
        if name in CREATED or name in UPDATED:
            return stamp(world, kind, start.created if name in CREATED else start.updated, dice)
        return _other_time(world, kind, start)
    if name in _PEOPLE:
        return _person(world, kind, dice)
    parts = kind.split("|")
    part = parts[0] if "null" not in parts or dice.chance(60) else "null"
    return _BY_KIND[part](dice)


def _other_time(world: World, kind: str, start: Start) -> object:
    if "null" not in kind:
        return stamp(world, kind, start.updated, start.dice)
    throw = start.dice.below(10)
    if throw < 6:
        return None
    if throw == 6 and "naive" in kind:
        return ZERO_TIME
    if throw == 6 and "(date)" in kind:
        return ZERO_DATE
    return stamp(world, kind, start.updated, start.dice)


def _person(world: World, kind: str, dice: Dice) -> object:
    who = world.any_of("users", dice)
    if "null" in kind and dice.chance(25):
        return None
    if kind.startswith("integer"):
        return int(who) if dice.chance(50) else who
    return "0" if "null" in kind and dice.chance(25) else who


_BY_KIND: dict[str, Callable[[Dice], object]] = {
    "null": lambda _: None,
    "string(bool)": lambda dice: "1" if dice.chance(30) else "0",
    "string(number)": lambda dice: str(dice.below(200)) if dice.chance(70) else "0",
    "string": lambda dice: "" if dice.chance(40) else dice.pick(words.TAGS),
    "integer": lambda dice: dice.below(3),
    "boolean": lambda dice: dice.chance(10),
    "array": lambda _: [],
    "array<string>": lambda dice: [dice.pick(words.COLOURS)],
    "array<string(number)>": lambda _: [],
    "array<object>": lambda _: [],
    "object": lambda dice: {} if dice.chance(50) else [],
    "any": lambda _: None,
}
