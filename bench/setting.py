"""What one call of the benchmark measures with: sizes, tools, servers, and a folder."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.databases.places import Servers
from bench.databases.tools import TOOLS, Tool
from bench.installs import NotInstalled
from bench.measure import Cost, Failed, median


@dataclass
class Setting:
    """Args:
    only: names of tools; empty for all.
    """

    rows: int
    runs: int
    only: Sequence[str]
    folder: Path
    servers: Servers
    filled: set[tuple[str, str, int]] = field(default_factory=set)

    def place(self, name: str) -> Path:
        """An empty folder."""
        place = self.folder / name.replace(" ", "-")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return place

    def wants(self, tool: str) -> bool:
        return not self.only or tool in self.only

    def tools(self, names: Iterable[str], results: Results) -> dict[str, Tool]:
        """Those that are wanted and can be had; the others are noted as failed."""
        found = {}
        for name in filter(self.wants, names):
            try:
                found[name] = TOOLS[name]()
            except NotInstalled as error:
                results.fail(name, f"cannot be installed here: {error}")
        return found


@dataclass
class Results:
    """Costs by tool, and what was wrong with them."""

    costs: dict[str, list[Cost]] = field(default_factory=dict)
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, tool: str, cost: Cost, **notes: Any) -> None:
        """`notes` that say something stay with the tool."""
        self.costs.setdefault(tool, []).append(cost)
        told = {name: note for name, note in notes.items() if note}
        self.notes.setdefault(tool, {}).update(told)
        say(f"{tool}: {cost.cpu_s:.2f} CPU s, {cost.wall_s:.2f} s, {cost.rss_mb:.0f} MB", told)

    def fail(self, tool: str, why: str) -> None:
        self.notes.setdefault(tool, {})["failed"] = why
        say(f"{tool}: {why}")

    def attempt(self, tool: str, work: Callable[[], None]) -> None:
        """A tool that failed once is left alone from then on; the others go on."""
        if "failed" in self.notes.get(tool, {}):
            return
        try:
            work()
        except Failed as error:
            self.fail(tool, str(error))

    def figures(self) -> dict[str, dict[str, Any]]:
        """By tool: the median of each figure, every single run, and the notes."""
        return {
            tool: {
                **_medians(self.costs.get(tool, [])),
                **self.notes.get(tool, {}),
            }
            for tool in {**self.costs, **self.notes}
        }


def _medians(costs: Sequence[Cost]) -> dict[str, Any]:
    if not costs:
        return {}
    return {**_rounded(median(costs)), "runs": [_rounded(cost) for cost in costs]}


def _rounded(cost: Cost) -> dict[str, float]:
    return {name: round(value, 3) for name, value in asdict(cost).items()}


def say(*words: object) -> None:
    print(*(word for word in words if word), file=sys.stderr, flush=True)
