"""Which column of the catalogue each column of the log is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from penstock.connectors.sources.mysql.log import tables as t
from penstock.connectors.sources.mysql.log.tables import Kind, TableMap
from penstock.connectors.sources.mysql.types import Definition
from penstock.core.errors import SchemaConflict

_BLOBS: Final = {1: "tiny", 2: "", 3: "medium", 4: "long"}
_CODES: Final = {
    t.TINY: {"tinyint"}, t.SHORT: {"smallint"}, t.INT24: {"mediumint"}, t.LONG: {"int"},
    t.LONGLONG: {"bigint"}, t.YEAR: {"year"}, t.FLOAT: {"float"}, t.DOUBLE: {"double"},
    t.NEWDECIMAL: {"decimal"}, t.BIT: {"bit"}, t.DATE: {"date"}, t.NEWDATE: {"date"},
    t.TIME: {"time"}, t.TIME2: {"time"}, t.DATETIME: {"datetime"}, t.DATETIME2: {"datetime"},
    t.TIMESTAMP: {"timestamp"}, t.TIMESTAMP2: {"timestamp"}, t.ENUM: {"enum"}, t.SET: {"set"},
    t.VARCHAR: {"varchar", "varbinary"}, t.VAR_STRING: {"varchar", "varbinary"},
    t.STRING: {"char", "binary", "uuid", "inet6", "inet4"}, t.JSON: {"json"},
    t.VECTOR: {"vector"}, t.NULL: set(),
    t.GEOMETRY: {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
                 "multipolygon", "geometrycollection", "geomcollection"},
}  # fmt: skip


def aligned(table: TableMap, columns: Sequence[Definition]) -> tuple[Definition | None, ...]:
    """For each column of the log that of the catalogue; None for one that is gone since.

    The log may be older than the catalogue. It has names only when the server writes them
    (binlog_row_metadata = FULL); without them columns are known by their place.

    Raises:
        SchemaConflict: it cannot be told which column is which.
    """
    names = table.extra.names
    if names:
        by_name = {item.name: item for item in columns}
        found = [by_name.get(name) for name in names]
        return tuple(
            item if item is not None and fits(kind, item) else None
            for kind, item in zip(table.kinds, found, strict=True)
        )
    common = min(len(table.kinds), len(columns))
    same = all(fits(kind, item) for kind, item in zip(table.kinds, columns, strict=False))
    # Columns that were added since stand at the end.
    if same and len(table.kinds) <= len(columns):
        return tuple(columns[:common])
    dropped = _dropped(table.kinds, columns) if len(table.kinds) > len(columns) else None
    if dropped is not None:
        return dropped
    raise SchemaConflict(
        f"The log has rows of {table.table} as it was before it was changed, and does not say "
        "which column is which.",
        hint="Let an administrator run: SET GLOBAL binlog_row_metadata = 'FULL'; then run once "
        "with --full-refresh. Later changes are followed.",
        code="source.columns_unknown",
        object=table.table,
    )


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
        found.append(left.pop(0) if left and fits(kind, left[0]) else None)
    return tuple(found) if not left else None


def fits(kind: Kind, column: Definition) -> bool:
    """Whether values of this kind are of the column's type."""
    if kind.code == t.BLOB:
        prefix = _BLOBS[kind.meta]
        names = {f"{prefix}blob", f"{prefix}text"}
        # MariaDB's JSON is LONGTEXT.
        return column.data_type in names
    if column.data_type not in _CODES.get(kind.code, set()):
        return False
    if kind.code == t.NEWDECIMAL:
        return (kind.more, kind.meta) == (column.precision, column.scale)
    if kind.code == t.BIT:
        return kind.meta == column.precision
    if kind.code in (t.TIME2, t.DATETIME2, t.TIMESTAMP2):
        return kind.meta == column.fraction
    return True
