"""JSON values as text: compact, in the order received, no digit changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from penstock.core.infer import JsonNumber


def _foreign(value: object) -> msgspec.Raw:
    """Numbers go out as they came in; nothing else is foreign to the encoder."""
    if isinstance(value, JsonNumber):
        return msgspec.Raw(value.encode())
    raise TypeError(type(value).__name__)


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_foreign)


def compact(value: object) -> bytes:
    """UTF-8 JSON without spaces."""
    return _ENCODER.encode(value)


def as_text(value: object) -> str | None:
    """The value as a text column shows it: strings as they are, all else as compact JSON."""
    if value is None or isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value) if isinstance(value, int) else compact(value).decode()


def text_array(values: Sequence[Any]) -> pa.StringArray:
    """Values of any kind as text; null stays null."""
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([as_text(value) for value in values], pa.string())


def json_texts(values: Sequence[Any]) -> pa.StringArray:
    """Compact JSON of each value; null stays null."""
    encode = _ENCODER.encode
    return pa.array([None if value is None else encode(value) for value in values], pa.string())
