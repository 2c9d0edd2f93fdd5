"""Mistakes in a card in words: file, line, the key, and the name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

Loc = Sequence[str | int]


def mistakes(error: ValidationError, model: type[BaseModel], places: Places) -> str:
    """All mistakes in one text, e.g. `streams.yaml:7:5: gauges.pages: 'limmit' is not known`."""
    found = error.errors(include_input=False, include_url=False)
    return "; ".join(_told(item["loc"], item["type"], item["msg"], model, places) for item in found)


class Places:
    """Where the parts of a card are written.

    Args:
        card, streams: the files; the streams are None when they are in the card.
    """

    def __init__(self, card: Path, streams: Path | None) -> None:
        self._card = card
        self._streams = streams

    def of(self, loc: Loc) -> tuple[str, list[str]]:
        """`file:line:column` of a part, empty when nobody knows, and the keys that lead there."""
        path, keys = self._card, ["rest", *map(str, loc)]
        if self._streams and loc and loc[0] == "streams":
            path, keys = self._streams, [str(part) for part in loc[1:]]
        if not path.is_file():
            return "", [str(part) for part in loc]
        node: Any = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        mark, known = None, []
        for key in keys:
            found = _child(node, key)
            if found is not None:
                mark, node = found
                known.append(key)
        place = f"{path.name}:{mark.line + 1}:{mark.column + 1}" if mark else path.name
        return place, known[1:] if known[:1] == ["rest"] else known


def _child(node: Any, key: str) -> tuple[Any, Any] | None:
    """Mark and value of a member; None for names that only the model knows, as `offset`."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return name.start_mark, value
    if isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
        value = node.value[int(key)]
        return value.start_mark, value
    return None


def _told(loc: Loc, kind: str, message: str, model: type[BaseModel], places: Places) -> str:
    place, keys = places.of(loc)
    where = f"{place}: " if place else ""
    if kind != "extra_forbidden":
        missing = [str(loc[-1])] if kind == "missing" else []
        return f"{where}{'.'.join([*keys, *missing]) or 'rest'}: {message}"
    wrong, names = str(loc[-1]), _names(model, loc[:-1])
    near = difflib.get_close_matches(wrong, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    return f"{where}{'.'.join(keys) or wrong}: {wrong!r} is not known; {hint}"


def _names(model: type[BaseModel], loc: Loc) -> list[str]:
    """Names that could have been written at a place."""
    here = [model]
    for part in loc:
        inner = [
            one
            for parent in here
            if part in parent.model_fields
            for one in _models(parent.model_fields[str(part)].annotation)
        ]
        tagged = [one for one in here if _kind(one) == part]
        here = inner or tagged or here
    return sorted({name for one in here for name in one.model_fields})


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _kind(model: type[BaseModel]) -> Any:
    field = model.model_fields.get("kind")
    return field.default if field else None
