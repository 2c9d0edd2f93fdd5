"""The answer of a query as an Arrow table, with the types that our tables have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from pymysql.converters import convert_time
from pymysql.cursors import Cursor

from penstock.connectors.destinations.mysql.connection import RowsConnection
from penstock.core.types import TIME, TIMESTAMPTZ

Describe = Callable[[str], pa.Schema | None]


def answer(connection: RowsConnection, cursor: Cursor, describe: Describe) -> pa.Table:
    """All rows. A column that comes straight from a table has that column's type.

    Args:
        describe: the columns of a table of the database.
    """
    result = connection._result
    fields = result.fields if result is not None and result.description else []
    rows = cursor.fetchall()
    kinds = _kinds(fields, describe)
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in fields]
    return pa.table(
        [_array(values, kind) for values, kind in zip(columns, kinds, strict=True)],
        names=[field.name for field in fields],
    )


def _kinds(fields: Sequence[Any], describe: Describe) -> list[pa.DataType | None]:
    tables: dict[str, pa.Schema | None] = {}
    kinds = []
    for field in fields:
        table = field.org_table
        if table and table not in tables:
            tables[table] = describe(table)
        known = tables.get(table)
        at = known.get_field_index(field.org_name) if known is not None else -1
        kinds.append(known.field(at).type if known is not None and at >= 0 else None)
    return kinds


def _array(values: Sequence[Any], kind: pa.DataType | None) -> pa.Array:
    convert = _CONVERSIONS.get(kind)
    if convert is None:
        return pa.array(values)
    return pa.array([None if value is None else convert(value) for value in values])


def _clock(value: Any) -> Any:
    return convert_time(str(value)) if isinstance(value, timedelta) else value


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


_CONVERSIONS: dict[pa.DataType | None, Callable[[Any], Any]] = {
    pa.bool_(): bool,
    TIME: _clock,
    TIMESTAMPTZ: _in_utc,
}
