"""Questions to information_schema about tables and their columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pymysql.constants import FIELD_TYPE, FLAG

from penstock.connectors.sources.mysql.rows.render import ident
from penstock.connectors.sources.mysql.types import Choices, Definition
from penstock.connectors.sources.mysql.words import MySqlColumn, column
from penstock.sdk.sql.reading import Table

Row = Sequence[Any]
_OWN: Final = "('mysql', 'information_schema', 'performance_schema', 'sys')"

# Names of result columns are upper case in MySQL 8: rows are taken by place.
TABLES: Final = f"""
SELECT t.table_schema, t.table_name, t.table_type, t.table_rows, t.table_comment, t.engine
FROM information_schema.tables t
WHERE t.table_schema NOT IN {_OWN} AND ({{databases}})
  AND t.table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
ORDER BY t.table_schema, t.table_name
"""
COLUMNS: Final = f"""
SELECT t.table_schema, t.table_name, t.column_name, t.data_type, t.column_type, t.is_nullable,
  t.character_set_name, t.numeric_precision, t.numeric_scale, t.datetime_precision
FROM information_schema.columns t
WHERE t.table_schema NOT IN {_OWN} AND ({{databases}})
ORDER BY t.table_schema, t.table_name, t.ordinal_position
"""
# The primary key comes first, then unique ones by name.
INDEXES: Final = f"""
SELECT t.table_schema, t.table_name, t.index_name, t.non_unique, t.column_name, t.sub_part
FROM information_schema.statistics t
WHERE t.table_schema NOT IN {_OWN} AND ({{databases}}) AND t.index_type = 'BTREE'
ORDER BY t.table_schema, t.table_name, t.index_name <> 'PRIMARY', t.non_unique, t.index_name,
  t.seq_in_index
"""
JSON_CHECKS: Final = f"""
SELECT t.constraint_schema, t.table_name, t.check_clause
FROM information_schema.check_constraints t
WHERE t.constraint_schema NOT IN {_OWN} AND ({{checked}}) AND t.check_clause LIKE 'json\\_valid(%'
"""
_JSON_VALID: Final = re.compile(r"json_valid\(`((?:[^`]|``)+)`\)", re.IGNORECASE)


def databases(patterns: Iterable[str], place: str = "t.table_schema") -> str:
    """A condition for databases by name, or by pattern as in a shell."""
    tests = []
    for pattern in patterns:
        escaped = re.sub(r"([\\%_])", r"\\\1", pattern).replace("'", "''")
        like = escaped.replace("*", "%").replace("?", "_").replace("\\", "\\\\")
        tests.append(f"{place} LIKE '{like}'")
    return " OR ".join(tests)


def json_columns(rows: Iterable[Row]) -> frozenset[tuple[str, str, str]]:
    """(database, table, column) of those that MariaDB keeps as LONGTEXT with a check."""
    found = []
    for database, table, clause in rows:
        if match := _JSON_VALID.fullmatch(clause):
            found.append((database, table, match[1].replace("``", "`")))
    return frozenset(found)


def definitions(
    rows: Iterable[Row], json: frozenset[tuple[str, str, str]]
) -> dict[tuple[str, str], list[Definition]]:
    """Columns by (database, table), in order."""
    found: dict[tuple[str, str], list[Definition]] = {}
    for database, table, name, data_type, whole, nullable, charset, digits, scale, fraction in rows:
        found.setdefault((database, table), []).append(Definition(
            name, data_type, whole if data_type in ("enum", "set") else whole.lower(),
            nullable == "YES", charset, int(digits or 0), int(scale or 0), int(fraction or 0),
            (database, table, name) in json,
        ))  # fmt: skip
    return found


def tables(
    found: Iterable[Row],
    columns: Mapping[tuple[str, str], Sequence[Definition]],
    indexes: Iterable[Row],
    choices: Choices,
) -> list[Table]:
    """The catalogue; tables without a readable column are left out."""
    keys: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for database, table, index, *rest in indexes:
        keys.setdefault((database, table), {}).setdefault(index, []).append(rest)
    return [
        _table(row, columns[row[0], row[1]], keys.get((row[0], row[1]), {}), choices)
        for row in found
        if (row[0], row[1]) in columns
    ]


def _table(
    row: Row, columns: Sequence[Definition], indexes: Mapping[str, list[Row]], choices: Choices
) -> Table:
    database, name, table_type, rows, comment, _engine = row
    by_name = {item.name: item for item in columns}
    unique, others = [], []
    for parts in indexes.values():
        names = tuple(part for _, part, _ in parts)
        # Parts of an index can be expressions, or columns that this user may not see.
        if not all(part in by_name for part in names):
            continue
        whole = all(cut is None for _, _, cut in parts)
        if not parts[0][0] and not any(by_name[part].nullable for part in names):
            unique.append(names)
        if whole:
            others.append(names)
    view = table_type == "VIEW"
    return Table(
        database,
        name,
        tuple(column(item, choices) for item in columns),
        f"{ident(database)}.{ident(name)}",
        key=unique[0] if unique else (),
        unique=tuple(unique),
        indexes=tuple(others),
        rows=int(rows) if rows is not None and not view else None,
        kind="view" if view else "table",
        title="" if view else comment or "",
    )


_RESULT_TYPES: Final = {
    FIELD_TYPE.TINY: "tinyint",
    FIELD_TYPE.SHORT: "smallint",
    FIELD_TYPE.INT24: "mediumint",
    FIELD_TYPE.LONG: "int",
    FIELD_TYPE.LONGLONG: "bigint",
    FIELD_TYPE.YEAR: "year",
    FIELD_TYPE.FLOAT: "float",
    FIELD_TYPE.DOUBLE: "double",
    FIELD_TYPE.DECIMAL: "decimal",
    FIELD_TYPE.NEWDECIMAL: "decimal",
    FIELD_TYPE.BIT: "bit",
    FIELD_TYPE.DATE: "date",
    FIELD_TYPE.NEWDATE: "date",
    FIELD_TYPE.TIME: "time",
    FIELD_TYPE.DATETIME: "datetime",
    FIELD_TYPE.TIMESTAMP: "timestamp",
    FIELD_TYPE.JSON: "json",
    FIELD_TYPE.GEOMETRY: "geometry",
}
_BINARY: Final = 63
"""Number of the character set of bytes."""
_MOST_FRACTION: Final = 6


def query_columns(fields: Iterable[Any], choices: Choices) -> tuple[MySqlColumn, ...]:
    """Columns of a query's answer, as the driver describes them.

    https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset_column_definition.html
    """
    return tuple(column(_definition(item), choices) for item in fields)


def _definition(field: Any) -> Definition:
    data_type = _RESULT_TYPES.get(field.type_code)
    if data_type is None:
        is_text = field.charsetnr != _BINARY or field.flags & (FLAG.ENUM | FLAG.SET)
        data_type = "varchar" if is_text or field.type_code == FIELD_TYPE.NULL else "varbinary"
    unsigned = bool(field.flags & FLAG.UNSIGNED)
    whole = data_type + (" unsigned" if unsigned else "")
    if data_type == "tinyint" and field.length == 1 and not unsigned:
        whole = "tinyint(1)"
    digits = 0
    if data_type == "decimal":
        # The length counts the sign and the point.
        digits = field.length - (0 if unsigned else 1) - (1 if field.scale else 0)
    if data_type == "bit":
        digits, whole = field.length, f"bit({field.length})"
    scale = field.scale if data_type == "decimal" else 0
    fraction = field.scale if data_type in ("time", "datetime", "timestamp") else 0
    return Definition(
        field.name, data_type, whole, not field.flags & FLAG.NOT_NULL, None, digits, scale,
        fraction if fraction <= _MOST_FRACTION else 0,
    )  # fmt: skip
