"""One connector as people see it: settings, objects, modes, limits."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

import yaml

from penstock.cli.context import Cli
from penstock.cli.settings import settings_model
from penstock.cli.words import status
from penstock.control.problems import nearest
from penstock.control.secrets import secret_fields
from penstock.core.errors import ConfigError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from penstock.core.cards import Card, UriForm
    from penstock.core.registry import Registry

_WIDTH = 100


def show(cli: Cli, registry: Registry, kind: str) -> None:
    """Print the cards of that name: a system may be a source and a destination."""
    cards = [card for card in registry if card.name == kind]
    if not cards:
        raise ConfigError(
            f"There is no connector called {kind!r}.",
            hint=nearest(kind, [card.name for card in registry]).strip() or None,
            code="config.unknown_type",
        )
    for card in cards:
        _check_rest(card)
        settings = _settings(card)
        if cli.out.json:
            cli.out.record(_record(card, settings))
        else:
            _print(cli, card, settings)


def _check_rest(card: Card) -> None:
    """Raises `ConfigError` with file, line and key of what is wrong in a declared source."""
    if card.rest is not None:
        from penstock.sdk.rest.spec import load_spec

        load_spec(card)


def _settings(card: Card) -> list[dict[str, Any]]:
    model = settings_model(card)
    secret = secret_fields(model)
    return [
        _setting(card, name, info, secret=name in secret)
        for name, info in model.model_fields.items()
    ]


def _setting(card: Card, name: str, info: FieldInfo, *, secret: bool) -> dict[str, Any]:
    shown = info.alias or name
    told = card.settings.get(shown)
    label = told.label if told else info.title or ""
    about = (told.help if told else info.description) or ""
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    unless = extra.get("unless")
    return {
        "setting": shown,
        "label": label,
        "about": about,
        "required": info.is_required() and unless is None,
        "required_unless": unless,
        "secret": secret,
        "default": None if info.is_required() or info.default_factory else info.default,
        "example": told.example if told else None,
    }


def objects(card: Card) -> list[str]:
    """Names of the objects, for sources that declare them."""
    declared = (card.rest or {}).get("streams") or {}
    if card.streams_file:
        text = (card.folder / card.streams_file).read_text(encoding="utf-8")
        declared = yaml.safe_load(text)
        declared = declared.get("streams", declared) if isinstance(declared, dict) else declared
    if isinstance(declared, dict):
        return list(declared)
    return [item["name"] for item in declared if isinstance(item, dict) and "name" in item]


def _record(card: Card, settings: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": card.name,
        "role": card.role,
        "title": card.title,
        "summary": card.summary,
        "uri": _uri(card),
        "settings": settings,
        "objects": objects(card),
        "modes": list(card.modes),
        "limits": list(card.limits),
        "requires": list(card.requires),
    }


def _uri(card: Card) -> dict[str, Any] | None:
    """How `penstock copy` is told of it."""
    if card.uri is None:
        return None
    return {
        "schemes": list(card.uri.schemes),
        "example": card.uri.example,
        "environment": dict(card.uri.environment),
    }


def _print(cli: Cli, card: Card, settings: list[dict[str, Any]]) -> None:
    width = min(cli.out.width or _WIDTH, _WIDTH)
    say = cli.out.say
    say(f"{card.title} ({card.role}), type: {card.name}")
    if card.summary:
        say(fill(card.summary, width))
    if card.uri is not None:
        _print_uri(cli, card.uri, width)
    say("\nSettings")
    indent = max((len(item["setting"]) for item in settings), default=0) + 4
    for item in settings:
        start = f"  {item['setting']}".ljust(indent)
        say(fill(_sentence(item), width, initial_indent=start, subsequent_indent=" " * indent))
    names = objects(card)
    if names:
        say(f"\nObjects ({len(names)})")
        say(fill(", ".join(names), width, initial_indent="  ", subsequent_indent="  "))
    if card.modes:
        say(f"\nModes\n  {', '.join(status(mode) for mode in card.modes)}")
    if card.limits:
        say("\nLimits")
    for limit in card.limits:
        say(fill(limit, width, initial_indent="  - ", subsequent_indent="    "))
    if card.requires:
        say(f"\nIts driver: {card.install_line}")
    say()


def _print_uri(cli: Cli, form: UriForm, width: int) -> None:
    say = cli.out.say
    say("\nURI, for penstock copy")
    say(f"  {form.example}")
    also = [f"{scheme}://" for scheme in form.schemes if not form.example.startswith(scheme + ":")]
    notes = [f"Also {', '.join(also)}."] if also else []
    notes.append("Other settings follow a ?, as name=value joined by &.")
    notes += [f"Without {name} it is taken from {v}." for name, v in form.environment.items()]
    say(fill(" ".join(notes), width, initial_indent="  ", subsequent_indent="  "))


def _sentence(item: dict[str, Any]) -> str:
    """What one setting is, in a line of text."""
    marks = [word for word in ("required", "secret") if item[word]]
    if item["required_unless"]:
        marks.insert(0, f"required without {item['required_unless']}")
    if item["default"] is not None and not item["secret"]:
        marks.append(f"default {item['default']}")
    if item["example"]:
        marks.append(f"e.g. {item['example']}")
    parts = [f"{part.rstrip('.')}." for part in (item["label"], item["about"]) if part]
    return " ".join(parts) + (f" ({', '.join(marks)})" if marks else "")
