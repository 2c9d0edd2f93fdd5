"""Rows of which none is stored yet: straight into their table, without a temporary one."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from penstock.connectors.destinations.mysql.dialect import MySqlDialect, takes_our_bytes
from penstock.connectors.destinations.mysql.lines import InsertLines, content
from penstock.connectors.destinations.mysql.texts import ColumnTexts, travels_as
from penstock.core.load import TableLoad, WriteMode
from penstock.core.metadata import INSTANTS
from penstock.core.types import logical, normal
from penstock.sdk.sql.facts import read_columns

_FEW: Final = 16


def suits(dialect: MySqlDialect, load: TableLoad, existing: pa.Schema) -> bool:
    """Whether the table takes the values as they are sent: the same types, and no other times."""
    if load.mode is WriteMode.HISTORY or load.left_out:
        return False
    fields = [(field, existing.field(field.name)) for field in load.schema]
    return all(
        dialect.type_name(field) == dialect.type_name(stored)
        and takes_our_bytes(stored)
        and (field.name not in INSTANTS or field.type == stored.type)
        for field, stored in fields
    )


def a_few_keys(load: TableLoad) -> str:
    """Keys of rows from all over the files, as SQL."""
    parts = [read_columns(file, load.key) for file in load.files]
    rows = pa.concat_tables(parts, promote_options="permissive")
    places = sorted({rows.num_rows * n // _FEW for n in range(_FEW)} | {rows.num_rows - 1})
    texts, lines = ColumnTexts(), InsertLines()
    columns = []
    for name in load.key:
        kind = normal(travels_as(load.schema.field(name)))
        few = rows.column(name).take(pa.array(places)).combine_chunks()
        columns.append(lines.value(texts.text(few, name, kind), logical(kind)))
    return bytes(content(lines.rows(columns))[:-1]).decode()
