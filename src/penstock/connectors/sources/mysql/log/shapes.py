"""Geometry of the log (a number of its system, then WKB) as WKT, as ST_AsText writes it."""

from __future__ import annotations

from struct import unpack_from
from typing import Final

from penstock.connectors.sources.mysql.log.texts import number_text

_NAMES: Final = {
    1: "POINT", 2: "LINESTRING", 3: "POLYGON", 4: "MULTIPOINT", 5: "MULTILINESTRING",
    6: "MULTIPOLYGON", 7: "GEOMETRYCOLLECTION",
}  # fmt: skip
_SRID: Final = 4


def shape_text(value: bytes) -> str:
    """Raises: ValueError: it is no geometry."""
    text, _ = _shape(value, _SRID)
    return text


def _shape(data: bytes, at: int) -> tuple[str, int]:
    name, body, at = _named(data, at)
    return f"{name}{body}", at


def _named(data: bytes, at: int) -> tuple[str, str, int]:
    order = "<" if data[at] else ">"
    (code,) = unpack_from(order + "I", data, at + 1)
    if code not in _NAMES:
        raise ValueError(f"a geometry of kind {code}")
    at += 5
    if code == 1:
        point, at = _point(data, at, order)
        return _NAMES[code], f"({point})", at
    (count,) = unpack_from(order + "I", data, at)
    at += 4
    parts = []
    for _ in range(count):
        part, at = _part(data, at, order, code)
        parts.append(part)
    return _NAMES[code], f"({','.join(parts)})" if parts else " EMPTY", at


def _part(data: bytes, at: int, order: str, code: int) -> tuple[str, int]:
    if code == 2:
        return _point(data, at, order)
    if code == 3:
        (count,) = unpack_from(order + "I", data, at)
        at += 4
        points = []
        for _ in range(count):
            point, at = _point(data, at, order)
            points.append(point)
        return f"({','.join(points)})", at
    if code == 7:
        return _shape(data, at)
    _, body, at = _named(data, at)
    # Points of a MULTIPOINT stand without brackets.
    return body.strip("()") if code == 4 else body, at


def _point(data: bytes, at: int, order: str) -> tuple[str, int]:
    x, y = unpack_from(order + "dd", data, at)
    return f"{number_text(x)} {number_text(y)}", at + 16
