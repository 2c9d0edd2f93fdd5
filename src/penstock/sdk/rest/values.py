"""Values in a card: constants, or the names of settings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, SecretStr

from penstock.core.errors import ConfigError


class FromSetting(BaseModel, frozen=True, extra="forbid"):
    """`{setting: name}`: what the user gave for that setting."""

    setting: str


Value = FromSetting | str | int | float | bool | None
Values = Value | tuple[Value, ...]
"""One value, or several for a parameter that is sent once for each."""


def resolve(value: Value, config: BaseModel) -> Any:
    """The constant, or the setting's value.

    Raises:
        ConfigError: the card names a setting that it does not declare.
    """
    if not isinstance(value, FromSetting):
        return value
    if value.setting not in type(config).model_fields:
        raise ConfigError(
            f"The card names a setting {value.setting!r} that it does not have.",
            hint=f"Choose one of: {', '.join(type(config).model_fields)}.",
            code="config.card",
            setting=value.setting,
        )
    return getattr(config, value.setting)


def secret(name: str, config: BaseModel) -> SecretStr:
    """A secret setting, which the card names directly."""
    value = resolve(FromSetting(setting=name), config)
    return value if isinstance(value, SecretStr) else SecretStr(str(value or ""))


def text(value: Value, config: BaseModel) -> str | None:
    """The value as a parameter's text; None when the setting is empty."""
    found = resolve(value, config)
    if found is None:
        return None
    if isinstance(found, SecretStr):
        return found.get_secret_value()
    if isinstance(found, bool):
        return "true" if found else "false"
    return found.isoformat() if isinstance(found, date) else str(found)


def texts(value: Values, config: BaseModel) -> str | tuple[str, ...] | None:
    """As `text`; several values as a tuple, empty settings left out."""
    if not isinstance(value, tuple):
        return text(value, config)
    found = (text(one, config) for one in value)
    return tuple(one for one in found if one is not None) or None


def number(value: Value, config: BaseModel) -> float | None:
    found = resolve(value, config)
    return None if found is None else float(found)


def moment(value: Value, config: BaseModel) -> date | datetime | None:
    """A day, or a time of one."""
    found = resolve(value, config)
    if found is None or isinstance(found, date):
        return found
    return date.fromisoformat(str(found))
