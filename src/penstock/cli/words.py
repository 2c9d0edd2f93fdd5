"""Numbers, sizes, durations and instants for people."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import Any


def program() -> str:
    """What to type to get this very program: its name where the PATH leads here, else its path."""
    own = Path(sys.executable).with_name("penstock")
    found = shutil.which("penstock")
    if not own.exists() or (found and Path(found).resolve() == own.resolve()):
        return "penstock"
    here = Path.cwd()
    return shlex.quote(str(own.relative_to(here) if own.is_relative_to(here) else own))


def number(value: Any) -> str:
    """
    >>> number(1234567)
    '1,234,567'
    """
    return f"{value:,}"


def size(count: float) -> str:
    """
    >>> size(48211034)
    '48.2 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """
    >>> duration(12.34), duration(75), duration(7260)
    ('12.3 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def instant(ms: int) -> str:
    """Local time of epoch milliseconds, to the second, with the offset from UTC."""
    local = time.localtime(ms / 1000)
    offset = time.strftime("%z", local)
    return time.strftime("%Y-%m-%d %H:%M:%S", local) + ("Z" if offset == "+0000" else offset)


def plural(count: int, one: str, many: str | None = None) -> str:
    """
    >>> plural(1, "row"), plural(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def status(value: str) -> str:
    """`COMPLETED_WITH_FAILURES` as people read it."""
    return value.lower().replace("_", " ")
