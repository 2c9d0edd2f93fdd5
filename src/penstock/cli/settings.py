"""The settings model of a connector, loading as little as possible."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pydantic import BaseModel

    from penstock.core.cards import Card


def settings_model(card: Card) -> type[BaseModel]:
    """The model in the connector's `config.py`, else the one of its card.

    The same as `sdk.opening` does, without Arrow: every command that reads the workspace
    file pays for this one.
    """
    if card.has("config.py"):
        module = importlib.import_module(f"{card.package}.config")
        return cast("type[BaseModel]", module.Config)
    return card.settings_model()
