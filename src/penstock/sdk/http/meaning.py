"""What an API's statuses mean, declared in its card."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, field_validator


class Action(StrEnum):
    """What follows from a status."""

    OK = "ok"
    RETRY = "retry"
    RATE_LIMITED = "rate_limited"
    AUTH = "auth"
    UNAVAILABLE = "unavailable"
    CONFIG = "config"
    PLAN_INACTIVE = "plan_inactive"
    FAIL = "fail"


class Confirm(BaseModel, frozen=True, extra="forbid"):
    """Do not believe the status at once: try again, then ask a path that always works."""

    tries: int = Field(default=3, ge=1, le=10)
    ask: str | None = None
    """If this path answers 2xx the status is believed, else the credentials are wrong."""


class Rule(BaseModel, frozen=True, extra="forbid"):
    action: Action
    confirm: Confirm | None = None


def _short(value: Any) -> Any:
    return {"action": value} if isinstance(value, str) else value


_DEFAULTS: Mapping[str, Action] = {
    "2xx": Action.OK,
    "3xx": Action.CONFIG,
    "400": Action.FAIL,
    "401": Action.AUTH,
    "402": Action.PLAN_INACTIVE,
    "403": Action.AUTH,
    "404": Action.UNAVAILABLE,
    "408": Action.RETRY,
    "410": Action.UNAVAILABLE,
    "425": Action.RETRY,
    "429": Action.RATE_LIMITED,
    "4xx": Action.FAIL,
    "5xx": Action.RETRY,
}
_PATTERN = re.compile(r"[1-9](\d\d|\dx|xx)")


class ErrorMeaning(BaseModel, frozen=True, extra="forbid"):
    """What each status means, where it differs from any REST API's habit.

    In a card: `statuses: {402: plan_inactive, 403: {action: unavailable, confirm: {ask: /me}}}`.
    A key is a status, ten of them (`52x`) or a hundred (`5xx`); the narrowest wins.
    """

    statuses: Mapping[str, Annotated[Rule, BeforeValidator(_short)]] = Field(default_factory=dict)

    @field_validator("statuses", mode="before")
    @classmethod
    def _text_keys(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        rules = {str(key): rule for key, rule in value.items()}
        for key in rules:
            if not _PATTERN.fullmatch(key):
                raise ValueError(f"{key} is no status; write 403, 52x or 5xx")
        return rules

    def of(self, status: int) -> Rule:
        """The rule of a status; one that nobody declared fails the object."""
        text = str(status)
        for key in (text, f"{text[:2]}x", f"{text[:1]}xx"):
            if key in self.statuses:
                return self.statuses[key]
            if key in _DEFAULTS:
                return Rule(action=_DEFAULTS[key])
        return Rule(action=Action.FAIL)
