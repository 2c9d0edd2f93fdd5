"""What a destination allows, as far as names and columns of users are concerned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from penstock.core.compress import Measure, size
from penstock.core.naming import NameKind, NameStyle, sanitize


@dataclass(frozen=True)
class Limits:
    """Names and numbers of one destination and pipeline.

    Args:
        columns: that users may have in a table; ours are taken off already.
        reserved: column names that the destination keeps for itself, in lower case.
        style: how names are cleaned.
    """

    table_length: int = 255
    column_length: int = 255
    measure: Measure = Measure.CHARS
    columns: int = 1594
    style: NameStyle = NameStyle.CLASSIC
    reserved: frozenset[str] = field(default_factory=frozenset)

    def name_problem(self, name: str, kind: NameKind) -> str:
        """Why a name that a user typed cannot be used; empty when it can (pipelines.md 6.2)."""
        most = self.table_length if kind == "table" else self.column_length
        if not name:
            return f"the {kind} needs a name"
        if size(name, self.measure) > most:
            unit = "bytes" if self.measure is Measure.BYTES else "characters"
            return f"the {kind} name {name!r} is longer than {most} {unit}"
        clean = sanitize(name, kind=kind, style=self.style)
        if clean != name:
            return f"the {kind} name {name!r} cannot be used; its clean form is {clean!r}"
        if kind == "column" and name.lower() in self.reserved:
            return f"the destination keeps the column name {name!r} for itself"
        return ""


def twice(names: Iterable[str]) -> list[str]:
    """Names that are there more than once, whatever their case."""
    seen: set[str] = set()
    found: list[str] = []
    for name in names:
        if name.lower() in seen:
            found.append(name)
        seen.add(name.lower())
    return found
