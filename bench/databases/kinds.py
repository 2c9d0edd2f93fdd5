"""Kinds of column types, to see which a tool turned into others."""

from __future__ import annotations

from collections.abc import Mapping

from bench.databases.equal import KINDS

# A word of the type's name, in this order.
_KINDS = {
    "interval": "interval", "timestamp": "instant", "datetime": "instant", "date": "date",
    "time": "time", "bool": "flag", "decimal": "exact number", "numeric": "exact number",
    "double": "float", "float": "float", "real": "float", "int": "whole number",
    "char": "text", "text": "text", "blob": "bytes", "bytea": "bytes", "json": "JSON",
    "uuid": "uuid",
}  # fmt: skip
_EXPECTED = {
    "int": "whole number", "cents": "exact number", "text": "text", "date": "date",
    "instant": "instant", "flag": "flag", "eighths": "float",
}  # fmt: skip


def kind_of(type_name: str) -> str:
    """The kind of a type, by its name in any of the engines."""
    name = type_name.lower()
    return next((kind for word, kind in _KINDS.items() if word in name), name)


def changed_kinds(found: Mapping[str, str], table: str) -> dict[str, str]:
    """Columns of a copied table whose type is of another kind, with the type they have."""
    return {
        column: found[column]
        for column, kind in KINDS[table].items()
        if column in found and kind_of(found[column]) != _EXPECTED[kind]
    }
