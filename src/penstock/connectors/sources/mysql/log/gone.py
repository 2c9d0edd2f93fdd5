"""Columns that the log has and the catalogue has no more: dropped or renamed since."""

from __future__ import annotations

from typing import Any, Final

from pymysql.charset import charset_by_id

from penstock.connectors.sources.mysql.log import tables as t
from penstock.connectors.sources.mysql.log.tables import TableMap
from penstock.connectors.sources.mysql.types import Definition

_NUMBERS: Final = {
    t.SHORT: "smallint", t.INT24: "mediumint", t.LONG: "int", t.LONGLONG: "bigint",
    t.YEAR: "year", t.FLOAT: "float", t.DOUBLE: "double",
}  # fmt: skip
_TIMES: Final = {
    t.DATE: "date", t.NEWDATE: "date", t.TIME2: "time", t.DATETIME2: "datetime",
    t.TIMESTAMP2: "timestamp",
}  # fmt: skip
_BYTES: Final = 63
"""The collation of bytes."""
_JSON: Final = 46
"""Of MariaDB's JSON, which the log does not tell from a long text: utf8mb4_bin."""


def gone(table: TableMap, place: int) -> Definition | None:
    """What the log says of a column by itself; None where that is not enough.

    Not enough are a `tinyint` (a number, or a truth value), names of `enum` and `set`, and what
    MariaDB keeps as bytes or text in the log alone: JSON, UUIDs and addresses.
    """
    kind, name = table.kinds[place], table.extra.names[place]
    unsigned = " unsigned" if table.extra.unsigned.get(place) else ""
    if kind.code in _NUMBERS:
        data_type = _NUMBERS[kind.code]
        return Definition(name, data_type, data_type + unsigned)
    if kind.code == t.NEWDECIMAL:
        return Definition(name, "decimal", "decimal", precision=kind.more, scale=kind.meta)
    if kind.code in _TIMES:
        data_type = _TIMES[kind.code]
        return Definition(name, data_type, data_type, fraction=kind.meta)
    if kind.code in (t.VARCHAR, t.STRING, t.BLOB):
        return _text(name, kind.code, table.extra.collations.get(place))
    return None


def _text(name: str, code: int, collation: int | None) -> Definition | None:
    if collation is None or collation == _JSON:
        return None
    if collation == _BYTES:
        return None if code == t.STRING else Definition(name, "blob", "blob")
    try:
        known: Any = charset_by_id(collation)
    except KeyError:
        return None
    return Definition(name, "text", "text", charset=known.name)
