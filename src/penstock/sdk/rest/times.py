"""Times as APIs write them: instants, days and zones, compared as instants and never as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timezone
from typing import Annotated

from pydantic import AfterValidator

from penstock.core.errors import ConfigError

_UTC = "%Y-%m-%dT%H:%M:%SZ"
_FORMATS = ("day", "instant", "utc", "epoch", "epoch_ms")
_MILLISECONDS_FROM = 100_000_000_000  # as seconds the year 5138, as milliseconds 1973
_EARLIEST_S = 100_000_000  # smaller numbers, before 1973, are counts
_LATEST_S = 253_402_300_799  # the last second of the year 9999
_DURATION = re.compile(r"([1-9]\d{0,5})\s*([mhdw])")
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def known_format(form: str) -> str:
    """Raises: ValueError: neither a known name nor a pattern of strftime."""
    if form in _FORMATS or "%" in form:
        return form
    raise ValueError(f"write one of {', '.join(_FORMATS)}, or a pattern like %Y-%m-%d")


TimeFormat = Annotated[str, AfterValidator(known_format)]


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
    """The time in a text, or in a number of seconds or milliseconds since 1970 in UTC.

    None for what is no time: null, empty, zero dates, other types.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        return _of_epoch(text)
    if not isinstance(text, str) or len(text) < 10 or text.startswith("0000-"):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _of_epoch(number: float) -> datetime | None:
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    return datetime.fromtimestamp(seconds, UTC) if _EARLIEST_S <= seconds <= _LATEST_S else None


def aware(text: object, zone: timezone = UTC) -> datetime | None:
    """As `instant`, a time without offset being in `zone`."""
    at = instant(text)
    return at if at is None or at.tzinfo else at.replace(tzinfo=zone)


def written(at: datetime, form: str) -> str:
    """A time as an API wants it: the formats of `TimeFormat`."""
    if form == "day":
        return at.date().isoformat()
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if form == "instant":
        return at.isoformat()
    if form.startswith("epoch"):
        scale = 1000 if form == "epoch_ms" else 1
        return str(int(at.timestamp() * scale))
    return at.astimezone(UTC).strftime(_UTC if form == "utc" else form)


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
