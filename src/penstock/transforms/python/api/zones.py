"""Time zones by name or offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_OFFSET: Final = re.compile(r"([+-])(\d{2}):?(\d{2})")


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """The zone of an IANA name or an offset such as +05:30.

    Raises:
        ValueError: there is none.
    """
    if name.upper() in ("UTC", "Z", "GMT"):
        return UTC
    if match := _OFFSET.fullmatch(name):
        span = timedelta(hours=int(match[2]), minutes=int(match[3]))
        if span >= timedelta(days=1):
            raise ValueError(f"there is no time zone {name!r}")
        return timezone(-span if match[1] == "-" else span)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}") from None


def offset_text(value: datetime, *, colon: bool) -> str:
    """+0530 or +05:30; a moment without a zone is one in UTC."""
    seconds = int((value.utcoffset() or timedelta()).total_seconds())
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02}{':' if colon else ''}{minutes:02}"
