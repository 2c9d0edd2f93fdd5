"""Values inside JSON columns, reached by a path; the rest of the JSON stays byte for byte.

This part works value by value: only the objects on the way are opened, one level each.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import to_text
from penstock.transforms.columns.column import Column, Kind, joined
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.reading import from_json

_LEVEL = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER = msgspec.json.Encoder()

Level = dict[str, msgspec.Raw]


def get(column: Column, path: tuple[str, ...]) -> Column:
    """The values below the path; rows without it have nothing there."""
    objects = column.part(Kind.OBJECT)
    if objects is None:
        return Column(column.rows)
    found = [None if text is None else _found(text, path) for text in objects.values.to_pylist()]
    return from_json(pa.array(found, pa.string()))


def _found(text: str | bytes, path: tuple[str, ...]) -> str | None:
    inside: str | bytes = text
    for name in path:
        level = _opened(inside)
        if level is None or name not in level:
            return None
        inside = bytes(level[name])
    return inside if isinstance(inside, str) else inside.decode()


def _opened(text: str | bytes) -> Level | None:
    try:
        return _LEVEL.decode(text)
    except msgspec.DecodeError:
        return None


def put(column: Column, path: tuple[str, ...], new: Column, where: Mask) -> Column:
    """The column with these values below the path, in the rows of the mask.

    Objects on the way are made where there are none; a value that is no object is replaced
    by one. Rows of `new` without value get JSON null.
    """
    objects = column.part(Kind.OBJECT)
    olds = objects.values if objects else pa.nulls(column.rows, pa.string())
    texts = json_texts(new).to_pylist()
    made = [
        _with(old, path, text or "null") if here else None
        for old, text, here in zip(olds.to_pylist(), texts, where.to_pylist(), strict=True)
    ]
    return column.merged(where, Column.of(Kind.OBJECT, pa.array(made, pa.string())))


def _with(text: str | bytes | None, path: tuple[str, ...], value: str) -> str:
    return _ENCODER.encode(_set(text, path, value)).decode()


def _set(text: str | bytes | None, path: tuple[str, ...], value: str) -> Level:
    level = (_opened(text) if text is not None else None) or {}
    if len(path) == 1:
        level[path[0]] = msgspec.Raw(value.encode())
    else:
        child = level.get(path[0])
        deeper = _set(bytes(child) if child is not None else None, path[1:], value)
        level[path[0]] = msgspec.Raw(_ENCODER.encode(deeper))
    return level


def edit(column: Column, path: tuple[str, ...], where: Mask, rename_to: str | None) -> Column:
    """The leaf below the path removed, or renamed in its place, in the rows of the mask."""
    objects = column.part(Kind.OBJECT)
    if objects is None:
        return column
    made = [
        _edited(text, path, rename_to) if here and text is not None else text
        for text, here in zip(objects.values.to_pylist(), where.to_pylist(), strict=True)
    ]
    changed = pc.and_(where, objects.values.is_valid())
    return column.merged(changed, Column.of(Kind.OBJECT, pa.array(made, pa.string())))


def _edited(text: str | bytes, path: tuple[str, ...], rename_to: str | None) -> str:
    return _ENCODER.encode(_edit(_opened(text) or {}, path, rename_to)).decode()


def _edit(level: Level, path: tuple[str, ...], rename_to: str | None) -> Level:
    if path[0] not in level:
        return level
    if len(path) > 1:
        inner = _opened(bytes(level[path[0]]))
        if inner is None:
            return level
        return {**level, path[0]: msgspec.Raw(_ENCODER.encode(_edit(inner, path[1:], rename_to)))}
    if rename_to is None:
        return {name: value for name, value in level.items() if name != path[0]}
    return {(rename_to if name == path[0] else name): value for name, value in level.items()}


def json_texts(column: Column) -> pa.StringArray:
    """Each value as JSON text; text is quoted, times are ISO 8601 texts."""
    texts = pa.nulls(column.rows, pa.string())
    for part in column.parts:
        if part.kind is Kind.STRING:
            encoded = pa.array(_quoted(part.values.to_pylist()), pa.string())
        elif pa.types.is_string(part.values.type):
            encoded = part.values
        else:
            encoded = to_text.as_json(part.values).storage
        texts = pc.coalesce(texts, encoded)
    return texts


def _quoted(texts: Iterable[str | None]) -> list[str | None]:
    return [None if text is None else _ENCODER.encode(text).decode() for text in texts]


def arrays(column: Column) -> Column:
    """The column with lists of Arrow as JSON texts, so that all arrays are alike."""
    parts = [
        part
        if part.kind is not Kind.ARRAY or pa.types.is_string(part.values.type)
        else type(part)(Kind.ARRAY, to_text.as_json(part.values).storage)
        for part in column.parts
    ]
    return joined(column.rows, parts, column.nulls)
