"""The tables of a database as the objects that a pipeline sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from penstock.core import metadata
from penstock.core.spec import ObjectSettings
from penstock.core.stream import ReadMode, Stream
from penstock.core.widen import common
from penstock.sdk.sql.reading.modes import Chosen, choose
from penstock.sdk.sql.reading.server import Table

Wanted = Mapping[str, ObjectSettings]


@dataclass(frozen=True)
class Member:
    """One table of an object, how it is read, and columns that say where its rows come from."""

    table: Table
    chosen: Chosen
    added: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"{self.table.schema}.{self.table.name}"


@dataclass(frozen=True)
class Offer:
    """One object: usually one table; several of one name where `merge_tables` says so."""

    stream: Stream
    members: tuple[Member, ...]
    merged: bool = False

    @property
    def names(self) -> dict[str, tuple[str, str]]:
        """Schema and name of its tables, by label."""
        return {item.label: (item.table.schema, item.table.name) for item in self.members}


def offers(
    tables: Sequence[Table],
    wanted: Wanted,
    *,
    merge: bool = False,
    xmin: bool = False,
    allow_xmin: bool = False,
    origin: str = metadata.SCHEMA,
) -> dict[str, Offer]:
    """Objects by name: `table` when there is one schema, else `schema.table`.

    Args:
        merge: tables of the same name are one object, called by that name.
        xmin: the source is in XMIN mode.
        allow_xmin: single tables may be.
        origin: the column that says where a row comes from, when there are several schemas.
    """
    several = len({table.schema for table in tables}) > 1
    groups: dict[str, list[Table]] = {}
    for table in tables:
        alone = not several or merge
        groups.setdefault(table.name if alone else f"{table.schema}.{table.name}", []).append(table)
    found = {}
    for name, group in groups.items():
        settings = wanted.get(name, ObjectSettings())
        modes = [choose(table, settings, xmin=xmin, allow_xmin=allow_xmin) for table in group]
        found[name] = _offer(name, group, modes, origin if several else None)
    return found


def _offer(
    name: str, tables: Sequence[Table], modes: Sequence[Chosen], origin: str | None
) -> Offer:
    members = []
    for table, chosen in zip(tables, modes, strict=True):
        added = {origin: table.schema} if origin else {}
        members.append(Member(table, chosen, added))
    return Offer(_stream(name, members), tuple(members), merged=len(members) > 1)


def _stream(name: str, members: Sequence[Member]) -> Stream:
    first = members[0]
    cursor = first.chosen.cursor[0].name if first.chosen.cursor else None
    keys = {member.table.key for member in members}
    key = first.table.key if len(keys) == 1 else ()
    if len(members) > 1 and key:
        key = (*first.added, *key)
    rows = [member.table.rows for member in members]
    ours = frozenset(first.added) | ({metadata.XMIN} & {c.name for c in first.table.columns})
    return Stream(
        name,
        _schema(members),
        primary_key=key,
        cursor=cursor,
        mode=ReadMode.INCREMENTAL if first.chosen.again else ReadMode.FULL,
        query_mode=str(first.chosen.mode),
        title=first.table.title,
        modified_field=cursor if first.chosen.bounded else None,
        estimated_rows=None if None in rows else sum(item for item in rows if item is not None),
        ours=ours,
        namespace=first.table.schema if len(members) == 1 else "",
    )


def _schema(members: Sequence[Member]) -> pa.Schema:
    """Columns of all members, in the smallest type that holds the values of each."""
    types: dict[str, list[pa.DataType]] = {}
    for member in members:
        for column in member.table.columns:
            types.setdefault(column.name, []).append(column.type)
    added = [pa.field(name, pa.string()) for name in members[0].added]
    return pa.schema([*(pa.field(name, common(found)) for name, found in types.items()), *added])
