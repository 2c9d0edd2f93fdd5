"""What is wrong in a file, in plain words, with the place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.core.errors import ConfigError


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to change; `line` and `column` count from 1."""

    line: int
    column: int
    text: str

    def at(self, file: str) -> str:
        return f"{file}:{self.line}:{self.column}: {self.text}"


class FileError(ConfigError):
    """A file with problems: all of them, so that one round of editing is enough."""

    default_code = "config.file"

    def __init__(self, file: str, problems: Iterable[Problem], *, hint: str | None = None) -> None:
        self.problems = sorted(set(problems))
        count = len(self.problems)
        super().__init__(
            f"{file} needs {'one change' if count == 1 else f'{count} changes'}.",
            hint=hint,
            file=file,
        )
        self.file = file

    @property
    def lines(self) -> list[str]:
        return [problem.at(self.file) for problem in self.problems]

    def to_dict(self) -> dict[str, Any]:
        shown = [{"line": p.line, "column": p.column, "message": p.text} for p in self.problems]
        return {**super().to_dict(), "problems": shown}


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` when something close is known, else the list when it is short."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f" Did you mean {near[0]!r}?"
    if names and len(names) <= 12:
        return f" Known: {', '.join(names)}."
    return ""


_WORDS = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "dict_type": "must be a group of `name: value` lines",
    "model_type": "must be a group of `name: value` lines",
    "model_attributes_type": "must be a group of `name: value` lines",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "date_from_datetime_parsing": "must be a date such as 2025-12-31",
    "date_parsing": "must be a date such as 2025-12-31",
    "url_parsing": "must be an address such as https://example.com",
    "url_scheme": "must be an address such as https://example.com",
    "path_type": "must be a path",
}

_LIMITS = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "string_too_long": "at most {max_length} characters long",
    "string_too_short": "at least {min_length} characters long",
}


def words(item: Mapping[str, Any], fields: Iterable[str]) -> str:
    """The sentence for one pydantic error; never shows a value.

    Args:
        item: one entry of `ValidationError.errors()`.
        fields: names that would have been right at that place.
    """
    kind, context = item["type"], item.get("ctx", {})
    name = next((str(part) for part in reversed(item["loc"]) if isinstance(part, str)), "the file")
    if kind == "extra_forbidden":
        return f"unknown key {name!r}.{nearest(name, fields)}"
    if kind == "missing":
        return f"{name!r} is missing."
    if kind == "value_error":
        return f"{name!r} {context['error']}."
    if kind in ("literal_error", "enum"):
        return f"{name!r} must be {str(context['expected']).replace(chr(39), '')}."
    if kind in _LIMITS:
        return f"{name!r} must be {_LIMITS[kind].format(**context)}."
    if kind in _WORDS:
        return f"{name!r} {_WORDS[kind]}."
    return f"{name!r}: {_lower_first(item['msg'])}."


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:].removesuffix(".")
