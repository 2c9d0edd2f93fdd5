"""Values as the specification names them, and the texts they have."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any


class Failed(Exception):
    """A block fails at this value."""


def kind(value: Any) -> str:
    """The kind of a value that is not null."""
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int | float | Decimal):
        return "NUMBER"
    if isinstance(value, datetime):
        return "TIMESTAMP"
    kinds = {str: "STRING", date: "DATE", time: "TIME", list: "ARRAY", dict: "OBJECT"}
    return kinds[type(value)]


def text(value: Any) -> str:
    """A value as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        made = value.strftime("%Y-%m-%dT%H:%M:%S")
        if value.microsecond:
            made += f".{value.microsecond:06d}".rstrip("0")
        return made + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def number(written: str) -> int | Decimal | None:
    """A plain number in text."""
    digits = written.strip().removeprefix("-").removeprefix("+")
    if not digits.replace(".", "", 1).isdigit() or not digits.isascii():
        return None
    made = Decimal(written.strip())
    return int(made) if "." not in digits else made
