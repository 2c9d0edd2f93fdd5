"""The reason in an error's body, whatever shape it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

_LIMIT_CHARS = 500
_PARSED_BYTES = 1 << 20
# Members that name the reason, most telling first.
_MEMBERS = ("message", "title", "detail", "error", "error_description", "msg", "code")
_NESTED = ("errors", "error", "detail")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def error_text(body: bytes) -> str:
    """One line of at most 500 characters; empty when the body says nothing."""
    text = body[:_PARSED_BYTES].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        return _line(_page(text))
    try:
        value = msgspec.json.decode(body) if len(body) <= _PARSED_BYTES else None
    except (msgspec.DecodeError, RecursionError):
        return _line(text)
    if not value:
        return _line("" if len(body) <= _PARSED_BYTES else text)
    # A reason may be told twice, as message and as error.
    return _line("; ".join(dict.fromkeys(_reasons(value))) or text)


def _page(text: str) -> str:
    title = _TITLE.search(text)
    told = _TAG.sub(" ", _HIDDEN.sub(" ", text))
    return f"web page: {title[1] if title and title[1].strip() else told}"


def _reasons(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _reasons(item)
    elif isinstance(value, dict):
        yield from _told(value)
        for name in _NESTED:
            yield from _reasons(_container(value.get(name)))


def _told(value: dict[str, Any]) -> Iterator[str]:
    known = [value.get(name) for name in _MEMBERS]
    parts = [str(v) for v in known if isinstance(v, str | int) and not isinstance(v, bool)]
    source = value.get("source")
    if isinstance(source, dict) and isinstance(source.get("pointer"), str):
        parts.append(f"at {source['pointer']}")
    if parts:
        yield ": ".join(dict.fromkeys(part for part in parts if part))
    if isinstance(value.get("errors"), str):
        yield value["errors"]


def _container(value: Any) -> Any:
    if not isinstance(value, dict):
        return value if isinstance(value, list) else []
    if any(isinstance(item, list) for item in value.values()):  # {"email": ["is taken"]}
        return [f"{name}: {text}" for name, items in value.items() for text in _reasons(items)]
    return value


def _line(text: str) -> str:
    start = text[: 8 * _LIMIT_CHARS]
    line = " ".join("".join(c if c.isprintable() else " " for c in start).split())
    return line if len(line) <= _LIMIT_CHARS else line[: _LIMIT_CHARS - 1] + "…"
