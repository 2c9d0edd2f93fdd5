"""From a card and settings to a working connector."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from penstock.core.cards import Card
from penstock.core.errors import ConfigError
from penstock.sdk.destination import Destination
from penstock.sdk.source import Source


def settings_model(card: Card) -> type[BaseModel]:
    """The model of a connector's settings: its `config.py`, else its card."""
    if card.has("config.py"):
        module = importlib.import_module(f"{card.package}.config")
        return cast("type[BaseModel]", module.Config)
    return card.settings_model()


def check_settings(card: Card, settings: Mapping[str, Any]) -> BaseModel:
    """Settings as a model; every problem is named in one `ConfigError`, no value is shown."""
    try:
        return settings_model(card)(**settings)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(p) for p in item['loc']) or card.name}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        )
        raise ConfigError(
            f"Settings of {card.title} need a change: {problems}.",
            hint=f"`penstock connectors {card.name}` lists its settings.",
            code="config.settings",
            type=card.name,
        ) from None


def open_source(card: Card, settings: Mapping[str, Any]) -> Source:
    config = check_settings(card, settings)
    if card.has("source.py"):
        return cast("Source", _build(card, "source", config))
    rest = importlib.import_module("penstock.sdk.rest")
    return cast("Source", rest.RestSource(card, config))


def open_destination(card: Card, settings: Mapping[str, Any]) -> Destination:
    return cast("Destination", _build(card, "destination", check_settings(card, settings)))


def _build(card: Card, role: str, config: BaseModel) -> object:
    try:
        module = importlib.import_module(f"{card.package}.{role}")
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("penstock"):
            raise
        raise ConfigError(
            f"The driver of {card.title} is not installed ({error.name}).",
            hint=f"Install it: {card.install_line}",
            code="config.driver_missing",
            type=card.name,
        ) from error
    return module.open(card, config)
