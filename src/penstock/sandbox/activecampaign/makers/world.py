"""What makers of rows share: sizes, references, times and chance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from penstock.sandbox.activecampaign.clock import Clock
from penstock.sandbox.activecampaign.contract import Contract
from penstock.sandbox.activecampaign.dice import Dice
from penstock.sandbox.activecampaign.makers.sizes import id_at

Row = dict[str, Any]

# Rows that exist at the start were made and changed between these instants (UTC).
FIRST = 1_673_251_200  # 2023-01-09 08:00:00
LAST = 1_788_177_600  # 2026-08-31 12:00:00

_HOUR = 3600
_IMPORT_ROWS = 250
_IMPORT_AT = FIRST + 100 * 24 * _HOUR


class Start(NamedTuple):
    """What is settled about a row before its fields are made; times are UTC seconds."""

    dice: Dice
    created: int
    updated: int


@dataclass(frozen=True)
class World:
    """One made-up account; knows every row by its table and zero-based position."""

    contract: Contract
    sizes: Mapping[str, int]
    seed: int
    clock: Clock
    account: str
    redacted: int

    @property
    def field_count(self) -> int:
        return max(self.sizes["contact_custom_fields"], 1)

    def start(self, table: str, position: int) -> Start:
        """Begin a row; ids and creation times grow together, though not strictly."""
        dice = Dice(f"{self.seed}/{table}/{position}")
        size = max(self.sizes[table], 1)
        if size // 10 <= position < size // 10 + min(size // 3, _IMPORT_ROWS) and size >= 60:
            # One import: more rows than a page share a second.
            return Start(dice, _IMPORT_AT, _IMPORT_AT + (7 if dice.chance(90) else 40 * _HOUR))
        span = LAST - FIRST - 12 * _HOUR
        created = FIRST + span * min(position, size) // size + dice.below(12 * _HOUR)
        rest = LAST - created
        return Start(
            dice, created, created + dice.below(rest if dice.chance(60) else 1 + rest // 50)
        )

    def reference(self, table: str, position: int) -> str:
        """Id of a row of another table; "0", the API's word for none, when it is empty."""
        size = self.sizes[table]
        return str(id_at(table, position % size)) if size else "0"

    def any_of(self, table: str, dice: Dice) -> str:
        return self.reference(table, dice.below(max(self.sizes[table], 1)))

    def children(self, table: str, parent: str, position: int) -> list[str]:
        """Ids of rows of `table` dealt out to a parent: n, n + parents, n + 2 parents ..."""
        parents = self.sizes[parent]
        if position >= parents:
            return []
        return [str(id_at(table, at)) for at in range(position, self.sizes[table], parents)]


Maker = Callable[[World, int, Start], Row]
