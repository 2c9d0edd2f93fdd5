"""Nested data row by row, as pipelines.md 8 tells it, for comparison with the columnar way.

Values are walked one by one. Only the type of a whole column is found as in the product.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from penstock.core.convert import convert
from penstock.core.infer import JsonNumber
from penstock.core.untyped import typed_scalars
from penstock.core.widen import widen

Path = tuple[str | None, ...]
"""Names of members; None for going into an array."""
Row = dict[str, Any]


class Members(list[tuple[str, Any]]):
    """An object with all its members, those of equal names too."""

    def last(self) -> dict[str, Any]:
        return dict(self)


class Whole(str):
    """JSON text of a container that is not opened."""


def loads(text: str) -> Any:
    """A JSON value; numbers with a fraction keep their text, objects all their members."""
    return json.loads(text, parse_float=JsonNumber, object_pairs_hook=Members)


def dumps(value: Any) -> str:
    """Compact JSON of what `loads` gives."""
    if isinstance(value, Members):
        return "{" + ",".join(f"{dumps(n)}:{dumps(v)}" for n, v in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    return str(value) if isinstance(value, JsonNumber) else json.dumps(value, ensure_ascii=False)


class Flattened:
    """FLATTEN_SPLIT of some rows: cells by event type, row and path."""

    def __init__(self, max_depth: int = 10) -> None:
        self._max_depth = max_depth
        self.tables: dict[Path, list[tuple[int, str, dict[Path, Any]]]] = {}
        """By the way to the array: root row, index, cells by path."""
        self.roots: list[dict[Path, Any]] = []

    def add(self, row: dict[str, str | None]) -> None:
        """A row of JSON texts."""
        cells: dict[Path, Any] = {}
        place = len(self.roots)
        for field, text in row.items():
            if text is not None:
                self._value(loads(text), (field,), (), place, "", cells)
        self.roots.append(cells)

    def _value(
        self, value: Any, path: Path, base: Path, root: int, index: str, cells: dict[Path, Any]
    ) -> None:
        """One value: `base` is the way to the table that `cells` are a row of."""
        field = path[len(base) :]
        if value is None:
            return
        opens = len(path) < self._max_depth
        if isinstance(value, Members):
            if not opens:
                cells[field] = Whole(dumps(value))
            for name, inner in value.last().items() if opens else ():
                self._value(inner, (*path, name), base, root, index, cells)
        elif isinstance(value, list):
            if not opens or path[-1] is None:
                cells[field] = Whole(dumps(value))
                return
            for at, item in enumerate(value):
                place = f"{index}.{at}" if index else str(at)
                child: dict[Path, Any] = {}
                self.tables.setdefault(path, []).append((root, place, child))
                deeper = (*path, None)
                self._value(item, deeper, deeper, root, place, child)
        else:
            cells[field] = value

    def counts(self, way: Path) -> list[int]:
        """Children of each root."""
        rows = [root for root, _, _ in self.tables.get(way, [])]
        return [rows.count(root) for root in range(len(self.roots))]


def column(cells: list[Any]) -> list[Any]:
    """The values of a column, of the type that holds them all."""
    return list(_array(cells).to_pylist())


def _array(cells: list[Any]) -> pa.Array:
    plain = typed_scalars([None if isinstance(cell, Whole) else cell for cell in cells])
    whole = pa.array([cell if isinstance(cell, Whole) else None for cell in cells], pa.string())
    return _both(plain, whole if whole.null_count < len(whole) else pa.nulls(len(whole)))


def _both(left: pa.Array, right: pa.Array) -> pa.Array:
    """Columns of which each row has a value in one at most."""
    target = widen(left.type, right.type)
    pair = [convert(one, one.type, target).array.to_pylist() for one in (left, right)]
    return pa.array([b if a is None else a for a, b in zip(*pair, strict=True)], target)


def named(rows: list[dict[Path, Any]]) -> Iterator[tuple[Path, list[Any]]]:
    """Columns by path, those that have a value. Items themselves share that of `value`."""
    arrays: dict[Path, pa.Array] = {}
    for path in dict.fromkeys(path for row in rows for path in row):
        array = _array([row.get(path) for row in rows])
        name = path or ("value",)
        arrays[name] = _both(arrays[name], array) if name in arrays else array
    for path, array in arrays.items():
        yield path, array.to_pylist()


def as_struct(value: Any, *, keep_arrays: bool, inside: bool = False) -> Any:
    """STRUCT_COLLAPSE_*: one value of records; only for places whose values are of one kind."""
    if isinstance(value, Members):
        return {
            name: as_struct(inner, keep_arrays=keep_arrays, inside=inside)
            for name, inner in value.last().items()
        }
    if isinstance(value, list):
        if not keep_arrays or inside:
            return dumps(value)
        return [
            as_struct(item, keep_arrays=keep_arrays, inside=True)
            for item in value
            if item is not None
        ]
    return float(value) if isinstance(value, JsonNumber) else value
