"""Write the drivers that connectors need from their cards into pyproject.toml, or check them.

A card names its driver (`requires:`) and the extra it is installed by (`extra:`, else the
connector's name), so nobody keeps a central list by hand.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

from penstock.core.registry import Registry

# Drivers of no connector.
OWN = {
    "object-store": ["obstore>=0.12,<0.13"],
    # What scripts of users may import beside the standard library.
    "transform": ["python-dateutil>=2.9,<5", "ua-parser>=1,<2", "user-agents>=2.2,<3"],
}
PROJECT = Path(__file__).parent.parent / "pyproject.toml"
_TABLE = re.compile(r"(?<=\n)\[project\.optional-dependencies\]\n(?:[^\[\n].*\n)*")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when stale")
    options = parser.parse_args()
    before = PROJECT.read_text(encoding="utf-8")
    after = with_extras(before, extras(Registry.scan()))
    if after == before:
        return 0
    if options.check:
        print("The cards ask for other drivers than pyproject.toml has: run `make extras locks`.")
        return 1
    PROJECT.write_text(after, encoding="utf-8")
    print("Wrote [project.optional-dependencies] of pyproject.toml; now run `make locks`.")
    return 0


def extras(registry: Registry) -> dict[str, list[str]]:
    """Requirements by extra, both in order of the alphabet."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for card in registry:
        if card.requires:
            found[card.extra or card.name].update(card.requires)
    for name, requirements in OWN.items():
        found[name].update(requirements)
    return {name: sorted(found[name]) for name in sorted(found)}


def with_extras(text: str, wanted: dict[str, list[str]]) -> str:
    """The project file with its table of extras replaced."""
    lines = [f"{name} = {json.dumps(wanted[name])}\n" for name in wanted]
    table = "".join(["[project.optional-dependencies]\n", *lines])
    replaced, count = _TABLE.subn(table, text)
    if count != 1:
        raise SystemExit("pyproject.toml should have one table [project.optional-dependencies].")
    return replaced


if __name__ == "__main__":
    sys.exit(main())
