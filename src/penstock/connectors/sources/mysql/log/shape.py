"""Which column of the catalogue each column of the log is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from penstock.connectors.sources.mysql.log import tables as t
from penstock.connectors.sources.mysql.log.gone import gone
from penstock.connectors.sources.mysql.log.tables import Kind, TableMap
from penstock.connectors.sources.mysql.types import Definition
from penstock.core.errors import SchemaConflict

_INTEGERS: Final = {
    t.TINY: "tinyint", t.SHORT: "smallint", t.INT24: "mediumint", t.LONG: "int",
    t.LONGLONG: "bigint",
}  # fmt: skip
_REALS: Final = {t.FLOAT: "float", t.DOUBLE: "double"}
_TIMES: Final = {
    t.DATE: "date", t.NEWDATE: "date", t.TIME: "time", t.TIME2: "time", t.DATETIME: "datetime",
    t.DATETIME2: "datetime", t.TIMESTAMP: "timestamp", t.TIMESTAMP2: "timestamp",
}  # fmt: skip
_SIZED: Final = (t.VARCHAR, t.VAR_STRING, t.STRING, t.BLOB)
_BYTES: Final = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_TEXTS: Final = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_ADDRESSES: Final = frozenset({"uuid", "inet4", "inet6"})
_SHAPES: Final = frozenset({
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
    "multipolygon", "geometrycollection", "geomcollection",
})  # fmt: skip
_OTHERS: Final = {
    t.ENUM: {"enum"}, t.SET: {"set"}, t.YEAR: {"year"}, t.JSON: {"json"}, t.GEOMETRY: _SHAPES,
    t.VECTOR: {"vector"}, t.BIT: {"bit"},
}  # fmt: skip


def aligned(table: TableMap, columns: Sequence[Definition]) -> tuple[Definition | None, ...]:
    """For each column of the log that of the catalogue, in the log's type.

    The log may be older than the catalogue. Names are in the log only when the server writes them
    (binlog_row_metadata = FULL): then a column that is gone since is as the log describes it.
    Without them columns are known by their place. None stands for one that is not known.

    Raises:
        SchemaConflict: it cannot be told which column is which.
    """
    places: Sequence[Definition | None] | None
    if table.extra.names:
        by_name = {item.name: item for item in columns}
        places = [by_name.get(name) or gone(table, at) for at, name in enumerate(table.extra.names)]
    elif len(table.kinds) <= len(columns):
        # Columns that were added since stand at the end, if they were not put elsewhere.
        places = columns[: len(table.kinds)]
    else:
        places = _dropped(table.kinds, columns)
    found: list[Definition | None] = []
    for at, item in enumerate(places or ()):
        logged = as_logged(table.kinds[at], item, table.extra.unsigned.get(at)) if item else None
        if item is not None and logged is None:
            places = None
            break
        found.append(logged)
    if places is None:
        raise SchemaConflict(
            f"The log has rows of {table.table} as it was before it was changed, and does not say "
            "which column is which.",
            hint="Let an administrator run: SET GLOBAL binlog_row_metadata = 'FULL'; then run once "
            "with --full-refresh. Later changes are followed.",
            code="source.columns_unknown",
            object=table.table,
        )
    return tuple(found)


def as_logged(kind: Kind, column: Definition, unsigned: bool | None = None) -> Definition | None:
    """The column as it was when its values were logged; None when it is of another family.

    Args:
        unsigned: what the log says of it, if anything.
    """
    code = kind.code
    if code in _INTEGERS and column.data_type in _INTEGERS.values():
        sign = column.unsigned if unsigned is None else unsigned
        if column.data_type == _INTEGERS[code] and sign == column.unsigned:
            return column
        name = _INTEGERS[code]
        return replace(column, data_type=name, column_type=f"{name} unsigned" if sign else name)
    if code in _REALS and column.data_type in _REALS.values():
        return replace(column, data_type=_REALS[code])
    if code in _TIMES and column.data_type == _TIMES[code]:
        digits = kind.meta if code in (t.TIME2, t.DATETIME2, t.TIMESTAMP2) else column.fraction
        return replace(column, fraction=digits)
    if code == t.NEWDECIMAL and column.data_type == "decimal":
        return replace(column, precision=kind.more, scale=kind.meta)
    if code in _SIZED:
        return _sized(kind, column)
    if column.data_type not in _OTHERS.get(code, ()):
        return None
    return replace(column, precision=kind.meta) if code == t.BIT else column


def _sized(kind: Kind, column: Definition) -> Definition | None:
    """Text and bytes come in the same forms; BINARY alone loses zero bytes at its end."""
    if column.data_type in _TEXTS:
        return column
    if column.data_type in _BYTES:
        return replace(column, data_type="binary" if kind.code == t.STRING else "blob")
    return column if kind.code == t.STRING and column.data_type in _ADDRESSES else None


def _dropped(
    kinds: Sequence[Kind], columns: Sequence[Definition]
) -> tuple[Definition | None, ...] | None:
    """The columns in their order among more of the log, when there is one way only."""
    first = _match(kinds, columns)
    last = _match(kinds[::-1], columns[::-1])
    if first is None or last is None or first != last[::-1]:
        return None
    return first


def _match(
    kinds: Sequence[Kind], columns: Sequence[Definition]
) -> tuple[Definition | None, ...] | None:
    left = list(columns)
    found: list[Definition | None] = []
    for kind in kinds:
        fits = bool(left) and as_logged(kind, left[0]) is not None
        found.append(left.pop(0) if fits else None)
    return tuple(found) if not left else None
