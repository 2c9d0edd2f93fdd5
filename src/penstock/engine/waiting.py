"""Tell closed packages in a store from what a crash left there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.engine.folders import KEYS
from penstock.engine.package import CARD
from penstock.sdk.objects import Objects


@dataclass(frozen=True)
class Waiting:
    """One package that is closed.

    Args:
        at: key of its folder.
        card: what it says, plus the `sizes` of its files.
        raw: the same as the store holds it.
        objects: sizes of its files that are there, by the last part of their keys.
    """

    at: str
    card: Mapping[str, Any]
    raw: bytes
    objects: dict[str, int]


def sorted_out(objects: Objects, prefix: str) -> tuple[list[Waiting], list[str]]:
    """Packages with a card, oldest first in each split, and keys that belong to none.

    Without a card are uploads that did not get to their end and discards that did not; beside
    a card lie files of a writer that came second.
    """
    folders: dict[str, dict[str, int]] = {}
    for key, size in objects.list(prefix).items():
        split, number, *rest = key.removeprefix(f"{prefix}/").split("/", 2)
        if number != KEYS and rest:
            folders.setdefault(f"{prefix}/{split}/{number}", {})[rest[0]] = size
    found: list[Waiting] = []
    lost: list[str] = []
    for at, names in folders.items():
        own: dict[str, int] = {}
        if CARD in names:
            del names[CARD]
            raw = objects.read(f"{at}/{CARD}")
            card = json.loads(raw)
            mine = f"{card['id']}/"
            own = {n.removeprefix(mine): size for n, size in names.items() if n.startswith(mine)}
            lost += [f"{at}/{name}" for name in names if not name.startswith(mine)]
            found.append(Waiting(at, card, raw, own))
        else:
            lost += [f"{at}/{name}" for name in names]
    found.sort(key=lambda item: (item.card["split"], item.card["package_no"]))
    return found, lost
