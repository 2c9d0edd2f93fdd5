"""The live mapping of an event's fields, with the habits that older scripts rely on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

ALIASES: Final = {
    "__hevo_id": "_ps_id",
    "__hevo__id": "_ps_id",
    "__hevo__ingested_at": "_ps_ingested_at",
    "__hevo_ingested_at": "_ps_ingested_at",
    "__hevo__marked_deleted": "_ps_deleted",
    "__hevo__source_modified_at": "_ps_source_modified_at",
    "__hevo_source_modified_at": "_ps_source_modified_at",
    "__hevo_op_type": "_ps_op",
    "__hevo__database_name": "_ps_database",
    "__hevo__schema_name": "_ps_schema",
    "__hevo_xmin": "_ps_xmin",
    "__hevo_ref_id": "_ps_ref_id",
    "__hevo_array_index": "_ps_array_index",
}
"""Spellings of another platform for fields that we attach: answered, never listed."""

_own = ALIASES.get
_set, _delete, _has = dict.__setitem__, dict.__delitem__, dict.__contains__


class Properties(dict[Any, Any]):
    """A dict whose keys(), values() and items() are lists, so that it may change in a loop.

    Reading is a plain dict's: only keys that are not there are looked for by their alias.
    """

    __slots__ = ()

    def __missing__(self, key: Any) -> Any:
        own = _own(key)
        if own is not None and _has(self, own):
            return dict.__getitem__(self, own)
        raise KeyError(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _set(self, _own(key, key), value)

    def __delitem__(self, key: Any) -> None:
        _delete(self, _own(key, key))

    def __contains__(self, key: Any) -> bool:
        return _has(self, _own(key, key))

    def __iter__(self) -> Iterator[Any]:
        return iter(list(dict.keys(self)))

    def keys(self) -> list[Any]:  # type: ignore[override]
        """The names, as a list of their own."""
        return list(dict.keys(self))

    def values(self) -> list[Any]:  # type: ignore[override]
        """The values, as a list of their own."""
        return list(dict.values(self))

    def items(self) -> list[tuple[Any, Any]]:  # type: ignore[override]
        """Pairs of name and value, as a list of their own."""
        return list(dict.items(self))

    def get(self, key: Any, default: Any = None) -> Any:
        """The value, or `default`."""
        return dict.get(self, _own(key, key), default)

    def pop(self, key: Any, *default: Any) -> Any:
        """Remove a field and return its value, or `default`."""
        return dict.pop(self, _own(key, key), *default)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """The value; where there is none, `default` is set first."""
        return dict.setdefault(self, _own(key, key), default)

    def update(self, *others: Any, **named: Any) -> None:
        """Set many fields."""
        for key, value in dict(*others, **named).items():
            self[key] = value

    def copy(self) -> Properties:
        """Another mapping with the same values."""
        return Properties(dict.items(self))

    def __or__(self, other: Any) -> Properties:
        merged = self.copy()
        merged.update(other)
        return merged

    def __ior__(self, other: Any) -> Properties:
        self.update(other)
        return self

    def has_key(self, key: Any) -> bool:
        """`key in properties`, as Python 2 wrote it."""
        return key in self

    def iterkeys(self) -> Iterator[Any]:
        """An iterator over a snapshot of the names."""
        return iter(self.keys())

    def itervalues(self) -> Iterator[Any]:
        """An iterator over a snapshot of the values."""
        return iter(self.values())

    def iteritems(self) -> Iterator[tuple[Any, Any]]:
        """An iterator over a snapshot of the pairs."""
        return iter(self.items())
