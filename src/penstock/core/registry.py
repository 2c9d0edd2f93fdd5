"""The set of cards: an ordinary object, filled by reading `connector.yaml` files."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from penstock.core.cards import Card, Role
from penstock.core.errors import ConfigError

CONNECTORS = Path(__file__).parent.parent / "connectors"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Registry:
    """Built once at start and passed to whoever needs it; reading cards imports no connector."""

    cards: Mapping[tuple[str, str], Card]

    @staticmethod
    def scan(folder: Path = CONNECTORS) -> Registry:
        """Read every card below `folder`/{sources,destinations}."""
        cards: dict[tuple[str, str], Card] = {}
        for path in sorted(folder.glob("*s/*/connector.yaml")):
            card = _read(path)
            cards[(card.role, card.name)] = card
        return Registry(cards)

    def card(self, role: Role, name: str) -> Card:
        if card := self.cards.get((role, name)):
            return card
        known = sorted(n for r, n in self.cards if r == role)
        near = difflib.get_close_matches(name, known, n=1)
        raise ConfigError(
            f"There is no {role} type called {name!r}.",
            hint=(f"Did you mean {near[0]!r}? " if near else "")
            + f"Installed: {', '.join(known)}.",
            code="config.unknown_type",
            type=name,
        )

    def __iter__(self) -> Iterator[Card]:
        return iter(sorted(self.cards.values(), key=lambda card: (card.role, card.name)))


def _read(path: Path) -> Card:
    try:
        with path.open(encoding="utf-8") as file:
            raw = yaml.load(file, Loader=_LOADER)  # noqa: S506 (a safe loader, in C where there is one)
        return Card(**{**raw, "folder": path.parent})
    except (yaml.YAMLError, ValidationError, TypeError) as error:
        raise ConfigError(
            f"The card {path.parent.name}/{path.name} is wrong: {_told(error)}.",
            hint="docs/reference/cards.md lists what a card may say.",
            code="config.card",
            type=path.parent.name,
        ) from error


def _told(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False)
    )
