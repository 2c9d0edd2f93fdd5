"""The page on what a card may say, made from the classes that read it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from enum import Enum
from itertools import pairwise
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from penstock.core.cards import Card, Setting, UriForm
from penstock.sdk.http.meaning import Action, Confirm, ErrorMeaning, Rule
from penstock.sdk.http.settings import HttpSettings, Retry
from penstock.sdk.rest.auth import AnyAuth
from penstock.sdk.rest.paging.offset import Anchor
from penstock.sdk.rest.spec import (
    AnyPages,
    CursorSpec,
    LoginSpec,
    RestSpec,
    SideloadSpec,
    StreamSpec,
)
from penstock.sdk.rest.values import FromSetting

_INTRO = """\
# Cards

A connector is a folder with a `connector.yaml`, the card. A source that reads a REST API is often
nothing but that: its `rest` part says how the API is read, a streams file beside it says what is
read. A value is a constant or `{setting: name}`, what the user gave for that setting. What the
card cannot say, a `source.py` beside it can: see [how to add a source](../../CONTRIBUTING.md).

Mistakes are told with file, line and the nearest name when the source is opened, by
`make conformance NAME=...` and `penstock check`."""
_ITEM = re.compile(r"^ {4}(\w[\w, ]*): ", re.MULTILINE)
_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The card: `connector.yaml`", Card),
    ("A setting: `settings.NAME`", Setting),
    ("Its URIs: `uri`", UriForm),
    ("The API: `rest`", RestSpec),
    ("The login call: `rest.login`", LoginSpec),
    ("One collection: `streams.NAME`", StreamSpec),
    ("Changed rows: `streams.NAME.cursor`", CursorSpec),
    ("Arrays that come along: `streams.NAME.sideloads.NAME`", SideloadSpec),
)
_MORE: tuple[tuple[str, type[BaseModel]], ...] = (
    ("What a status means: `errors`", ErrorMeaning),
    ("`errors.statuses.NAME`", Rule),
    ("`errors.statuses.NAME.confirm`", Confirm),
    ("Calls: `rest.http`", HttpSettings),
    ("Further tries: `rest.http.retry`", Retry),
)


def page() -> str:
    """The text below the first line."""
    parts = [_INTRO]
    parts += [_section(title, model) for title, model in _SECTIONS]
    parts.append("## Where the key goes: `rest.auth`\n\nOne of these kinds.")
    parts += [_kind(model) for model in _kinds(AnyAuth)]
    parts.append("## All rows: `pages`, of the API or of a stream\n\nOne of these kinds.")
    parts += [_kind(model) for model in _kinds(AnyPages)]
    parts.append(_section("`pages.anchor`", Anchor, level=3))
    parts += [_section(title, model) for title, model in _MORE]
    actions = ", ".join(f"`{action.value}`" for action in Action)
    parts.append(f"An `action` is one of {actions}.")
    return "\n\n".join(parts) + "\n"


def _kinds(union: Any) -> tuple[type[BaseModel], ...]:
    return get_args(get_args(union)[0])


def _kind(model: type[BaseModel]) -> str:
    return _section(f"`kind: {model.model_fields['kind'].default}`", model, level=3)


def _section(title: str, model: type[BaseModel], level: int = 2) -> str:
    about = {**_of_args(model), **_of_attributes(model)}
    names = [name for name in model.model_fields if name not in ("kind", "folder")]
    rows = [
        f"| `{name}` | {_type(model.model_fields[name].annotation)} "
        f"| {_default(model, name)} | {about.get(name, '')} |"
        for name in names
    ]
    table = ["", "| key | is | default | about |", "|---|---|---|---|", *rows] if rows else []
    return "\n".join([f"{'#' * level} {title}", "", _summary(model), *table])


def _summary(model: type[BaseModel]) -> str:
    return inspect.cleandoc(model.__doc__ or "").partition("\nArgs:")[0].strip()


def _of_args(model: type[BaseModel]) -> Mapping[str, str]:
    """Texts of the section Args of the docstring, by field."""
    told = inspect.cleandoc(model.__doc__ or "").partition("\nArgs:\n")[2]
    pieces = _ITEM.split(told)[1:]
    return {
        name.strip(): _cell(text)
        for names, text in zip(pieces[::2], pieces[1::2], strict=True)
        for name in names.split(",")
    }


def _of_attributes(model: type[BaseModel]) -> Mapping[str, str]:
    """Texts that stand below a field."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    return {
        field.target.id: _cell(text.value.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None or isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    plain = list(value) if isinstance(value, tuple | frozenset) else value
    return f"`{plain}`" if plain or plain == 0 else ""


def _type(annotation: Any) -> str:
    return " or ".join(dict.fromkeys(_words(annotation)))


def _words(annotation: Any) -> Iterator[str]:
    origin, inner = get_origin(annotation), get_args(annotation)
    if FromSetting in inner:
        yield "value"
        yield from (_type(part) for part in inner if get_origin(part) is tuple)
    elif origin in (Union, UnionType):
        for part in inner:
            yield from _words(part)
    elif origin is Annotated:
        yield from _words(inner[0])
    elif origin is Literal:
        yield from (f"`{value}`" for value in inner)
    elif origin in (tuple, frozenset):
        yield f"list of {_type(inner[0])}"
    elif origin is not None:
        yield f"{_type(inner[1])} by name"
    elif annotation is not type(None):
        yield _name(annotation)


def _name(annotation: Any) -> str:
    if annotation is Any:
        return "any"
    if issubclass(annotation, BaseModel):
        return "group"
    known = {str: "text", int: "number", float: "number", bool: "true or false"}
    return "text" if issubclass(annotation, Enum) else known.get(annotation, "text")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
