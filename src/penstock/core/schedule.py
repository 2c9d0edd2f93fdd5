"""When a pipeline should run: `30m`, `6h`, a cron line, or only by hand."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, model_serializer, model_validator

MINUTES = (5, 10, 15, 20, 30, 45)
HOURS = range(1, 25)
_FORMS = 'Write `30m`, `6h`, `manual` or {cron: "0 7 * * *", tz: Europe/Berlin}'
_CRON_PART = re.compile(r"^[\d*/,\-A-Za-z#?]+$")


class Schedule(BaseModel):
    """One of three: every so many seconds, at the times of a cron line, or by hand (neither)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every_s: int | None = None
    cron: str | None = None
    tz: str = "UTC"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, raw: Any) -> Any:
        return {"every_s": seconds(raw)} if isinstance(raw, str) else raw

    @model_validator(mode="after")
    def _check(self) -> Schedule:
        if self.cron is not None:
            _check_cron(self.cron)
            _check_zone(self.tz)
        return self

    @model_serializer
    def _to_plain(self) -> Any:
        if self.cron is not None:
            return {"cron": self.cron, "tz": self.tz}
        return str(self)

    def __str__(self) -> str:
        if self.cron is not None:
            return f"cron {self.cron} ({self.tz})"
        if self.every_s is None:
            return "manual"
        return f"{self.every_s // 3600}h" if self.every_s % 3600 == 0 else f"{self.every_s // 60}m"


def seconds(text: str) -> int | None:
    """Seconds of `30m` or `6h`; None for `manual`.

    Source: pipelines.md 2.8 (presets in minutes, whole hours up to a day).
    """
    if text == "manual":
        return None
    found = re.fullmatch(r"(\d{1,4})([mh])", text)
    if found is None:
        raise ValueError(f"is not a schedule. {_FORMS}")
    number, unit = int(found[1]), found[2]
    if unit == "m" and number not in MINUTES:
        raise ValueError("can be 5m, 10m, 15m, 20m, 30m or 45m, or whole hours from 1h to 24h")
    if unit == "h" and number not in HOURS:
        raise ValueError("can be whole hours from 1h to 24h")
    return number * (60 if unit == "m" else 3600)


def _check_cron(line: str) -> None:
    parts = line.split()
    if len(parts) != 5 or not all(_CRON_PART.match(part) for part in parts):
        raise ValueError(
            'is not a cron line: it has five parts, e.g. "0 7 * * *" for every day at 7:00'
        )


def _check_zone(name: str) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"names no time zone: {name!r}. Example: Europe/Berlin") from None
