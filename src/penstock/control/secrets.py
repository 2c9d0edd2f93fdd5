"""Which settings are secret, and keeping secrets out of what people see."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

HIDDEN = "********"
_SHORTEST = 5
"""Values shorter than this are too common to be blotted out of a text."""
_SHORTEST_LINE = 8
_LINE_END = re.compile(r"\r\n|\n|\r|\\r\\n|\\n")
# A reference says where a value is, and is no value.
_NO_REFERENCE = r"(?!['\"]?\$\{[\w:./~-]+\})"
_URL_PASSWORD = re.compile(
    rf"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:){_NO_REFERENCE}[^\s@]+(@)", re.IGNORECASE
)
_NAMED = re.compile(
    r"(?i)\b((?:api[-_]?(?:key|token)|token|password|passwd|secret|authorization)['\"]?\s*[=:]\s*)"
    rf"{_NO_REFERENCE}"
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
    """The text without these secrets, in whatever form they come, and what looks like one."""
    every = {part for secret in secrets for part in _parts(secret)}
    for secret in sorted(every, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            for form in _forms(secret):
                text = text.replace(form, HIDDEN)
    text = _URL_PASSWORD.sub(rf"\g<1>{HIDDEN}\g<2>", text)
    return _NAMED.sub(rf"\g<1>{HIDDEN}", text)


def redacted(value: Any, secrets: Iterable[str] = ()) -> Any:
    """The same for every text inside mappings and lists."""
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, Mapping):
        return {name: redacted(item, secrets) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, secrets) for item in value]
    return value


def _parts(secret: str) -> list[str]:
    """The secret; and its lines where it has several, since texts are cut and indented there.

    A key in a JSON file has its line ends written as `\\n`. The first and last line of a PEM
    file say only what it is; very short lines are too common.
    """
    lines = [line.strip() for line in _LINE_END.split(secret)]
    if len(lines) == 1:
        return [secret]
    kept = (n for n in lines if len(n) >= _SHORTEST_LINE and not n.startswith("-----"))
    return [secret, secret.strip(), *kept]


def _forms(secret: str) -> list[str]:
    """The secret as servers, drivers and Python may write it, the longest first."""
    raw = secret.encode("utf-8", "surrogateescape")
    quoted = [quote(raw, safe=""), quote(raw), quote_plus(raw), html.escape(secret)]
    escaped = [json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret), repr(raw)]
    bare = [text.removeprefix("b")[1:-1] for text in escaped]
    coded = [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
    small = [re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), text) for text in quoted]
    return sorted({secret, *quoted, *small, *bare, *coded}, key=len, reverse=True)
