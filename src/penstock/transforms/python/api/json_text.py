"""Values as compact JSON text, by the rules for what a transformation returns."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

MAX_DEPTH: Final = 64
"""Levels of lists and objects within each other."""
_quoted = json.encoder.encode_basestring


class BadValueError(ValueError):
    """A value of which no column can be made."""


def written(value: Any, depth: int = 0) -> str:
    """The text: NaN is null, dates are ISO 8601, decimals numbers, bytes base64.

    Raises:
        BadValueError: a type that cannot be written, or more than 64 levels.
    """
    plain: Callable[[Any], str] | None = _SIMPLE.get(type(value))
    if plain is not None:
        return plain(value)
    if depth >= MAX_DEPTH:
        raise BadValueError(f"more than {MAX_DEPTH} levels within each other")
    if isinstance(value, dict):
        pairs = (f"{_key(k)}:{written(v, depth + 1)}" for k, v in dict.items(value))
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, Mapping):
        return written(dict(value), depth)
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ",".join([written(item, depth + 1) for item in value]) + "]"
    return _derived(value)


def _derived(value: Any) -> str:
    """Values of subclasses, and those that become text."""
    if isinstance(value, Enum | UUID | PurePath):
        return _quoted(str(value))
    for kind in (bool, int, float, str, Decimal, datetime, date, time, bytes):
        if isinstance(value, kind):
            return _SIMPLE[kind](value)
    raise BadValueError(f"values of type {type(value).__name__} cannot be loaded")


def _key(key: Any) -> str:
    return _quoted(key if type(key) is str else str(key))


def _float(value: float) -> str:
    return float.__repr__(value) if math.isfinite(value) else "null"


def _decimal(value: Decimal) -> str:
    return format(value, "f") if value.is_finite() else "null"


def moment(value: datetime) -> str:
    """ISO 8601; Z for UTC, and a time without a zone is one in UTC."""
    offset = value.utcoffset()
    text = datetime.isoformat(value.replace(tzinfo=None))
    if not offset:
        return f"{text}Z"
    return text + _offset(offset)


def _offset(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


_SIMPLE: Final[dict[type, Callable[[Any], str]]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    float: _float,
    str: _quoted,
    Decimal: _decimal,
    datetime: lambda value: f'"{moment(value)}"',
    date: lambda value: f'"{date.isoformat(value)}"',
    time: lambda value: f'"{time.isoformat(value)}"',
    bytes: lambda value: f'"{base64.b64encode(value).decode()}"',
}
