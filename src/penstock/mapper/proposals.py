"""What could be done with fields that have no column (pipelines.md 12.4)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

from penstock.core.fits import Fit, fit
from penstock.core.mapping import Column, Left, Mapping
from penstock.core.metadata import GENERATED_KEY, is_ours
from penstock.core.naming import NameScope, sanitize
from penstock.mapper.limits import Limits


@dataclass(frozen=True)
class Place:
    """The table that an event type may get.

    Args:
        table: name.
        columns: of the table that there is; None makes a new one.
        key: fields of the source's key; `GENERATED_KEY` where rows get an id of ours.
    """

    table: str
    columns: pa.Schema | None
    key: tuple[str, ...] = ()


def proposed(
    mapping: Mapping, place: Place, limits: Limits, only: Collection[str] | None = None
) -> Mapping:
    """The mapping with a column for each field that waits for one, as far as the table has room.

    Columns of the table that have a field's clean name, and take its values, get it; other
    fields get a column of their own. Columns that there are stay.

    Args:
        only: fields that are meant; None means all but those that the user ignores.
    """
    columns, left = list(mapping.columns), []
    scope = _scope(mapping, place, limits)
    free = _free(mapping, place)
    for item in mapping.left:
        wanted = not item.ignored if only is None else item.field in only
        if not wanted or len(columns) >= limits.columns:
            left.append(item if not wanted else _no_room(item, limits))
            continue
        columns.append(_existing(item, free, limits) or _new(item, scope, limits))
    key = mapping.key if mapping.table else key_of(place, columns)
    return mapping.changed(table=place.table, columns=tuple(columns), key=key, left=tuple(left))


def key_of(place: Place, columns: Sequence[Column]) -> tuple[str, ...]:
    """Columns of the source's key; none unless all of it has columns."""
    if place.key == GENERATED_KEY:
        return place.key
    names = {column.field: column.name for column in columns}
    return tuple(names[f] for f in place.key) if names.keys() >= {*place.key} else ()


def _scope(mapping: Mapping, place: Place, limits: Limits) -> NameScope:
    taken = {column.field: column.name for column in mapping.columns}
    reserved = {*limits.reserved, *(place.columns.names if place.columns is not None else ())}
    return NameScope(taken, kind="column", style=limits.style, reserved=reserved)


def _free(mapping: Mapping, place: Place) -> dict[str, pa.Field]:
    """Columns of the table that no field has, by their names in lower case."""
    used = {column.name.lower() for column in mapping.columns}
    return {
        column.name.lower(): column
        for column in (place.columns if place.columns is not None else ())
        if column.name.lower() not in used and not is_ours(column.name)
    }


def _existing(item: Left, free: dict[str, pa.Field], limits: Limits) -> Column | None:
    name = sanitize(item.field, kind="column", style=limits.style).lower()
    column = free.get(name)
    if column is None or fit(item.type, column) is Fit.NEVER:
        return None
    del free[name]
    return Column(item.field, column.name, column)


def _new(item: Left, scope: NameScope, limits: Limits) -> Column:
    name = scope.name_for(item.field, limits.column_length, limits.measure)
    return Column(item.field, name, pa.field(name, item.type))


def _no_room(item: Left, limits: Limits) -> Left:
    return Left(item.field, item.type, f"the table already has {limits.columns} columns")
