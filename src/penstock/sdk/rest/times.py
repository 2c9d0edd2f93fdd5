"""Times as APIs write them: instants, days and zones, compared as instants and never as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timezone

from penstock.core.errors import ConfigError

_DURATION = re.compile(r"([1-9]\d{0,5})\s*([mhdw])")
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def duration_ms(text: str) -> int | None:
    """Milliseconds of `30m`, `12h`, `7d` or `2w`; None for `off`.

    Raises:
        ConfigError: it is none of these.
    """
    if text.strip().lower() == "off":
        return None
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise ConfigError(
            f"{text!r} is no duration.",
            hint="Write a number and m, h, d or w, like 12h or 7d, or off.",
            code="config.settings",
        )
    return int(found[1]) * _UNIT_MS[found[2]]


def instant(text: object) -> datetime | None:
    """The time in a text; None for what is no time (null, empty, zero dates, other types)."""
    if not isinstance(text, str) or len(text) < 10 or text.startswith("0000-"):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def aware(text: object, zone: timezone = UTC) -> datetime | None:
    """As `instant`, a time without offset being in `zone`."""
    at = instant(text)
    return at if at is None or at.tzinfo else at.replace(tzinfo=zone)


def zone_of(text: object) -> timezone:
    """The fixed offset in which a text is written; UTC when it names none."""
    at = instant(text)
    offset = at.utcoffset() if at else None
    return timezone(offset) if offset is not None else UTC


def text_at(epoch_ms: int, zone: timezone) -> str:
    """An instant, written in a zone, to the second."""
    at = datetime.fromtimestamp(epoch_ms // 1000, zone)
    return at.isoformat()


def within(text: object, start: str | None, end: str | None) -> bool:
    """Whether start <= text < end; bounds without offset are in the zone of the text.

    A text that is no time is within: what cannot be judged is not left out.
    """
    at = aware(text)
    if at is None:
        return True
    low, high = aware(start, zone_of(text)), aware(end, zone_of(text))
    return (low is None or at >= low) and (high is None or at < high)
