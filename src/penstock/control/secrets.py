"""Which settings are secret, and keeping secrets out of what people see."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Any, get_args
from urllib.parse import quote

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

HIDDEN = "********"
_SHORTEST = 5
"""Values shorter than this are too common to be blotted out of a text."""
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@]+(@)", re.IGNORECASE)
_NAMED = re.compile(
    r"(?i)\b((?:api[-_]?(?:key|token)|token|password|passwd|secret|authorization)['\"]?\s*[=:]\s*)"
    r"(?:'[^']*'|\"[^\"]*\"|(?:(?:bearer|token|basic)\s+)?[^\s'\",;)}\]]+)"
)


def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """Names (and aliases) of the fields that hold a `SecretStr`."""
    names: set[str] = set()
    for name, info in model.model_fields.items():
        if mentions(info, SecretStr):
            names |= {name, *([info.alias] if info.alias else [])}
    return frozenset(names)


def mentions(info: FieldInfo, kind: type) -> bool:
    """Whether the field's annotation is the type, or a union with it."""
    return _holds(info.annotation, kind)


def _holds(annotation: Any, kind: type) -> bool:
    if isinstance(annotation, type):
        return issubclass(annotation, kind)
    return any(_holds(part, kind) for part in get_args(annotation))


def has_password(text: str) -> bool:
    """Whether a URL in the text holds a password in clear."""
    found = _URL_PASSWORD.search(text)
    return found is not None and "${" not in found[0]


def url_passwords(text: str) -> set[str]:
    return {found[0][len(found[1]) : -1] for found in _URL_PASSWORD.finditer(text)}


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without these secrets (also URL-quoted and in base64) and what looks like one."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) < _SHORTEST:
            continue
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()):
            text = text.replace(form, HIDDEN)
    text = _URL_PASSWORD.sub(rf"\g<1>{HIDDEN}\g<2>", text)
    return _NAMED.sub(rf"\g<1>{HIDDEN}", text)
