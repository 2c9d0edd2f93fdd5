"""Rows of which none is stored yet: straight into their table, without a temporary one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penstock.connectors.destinations.mysql.dialect import MySqlDialect, takes_our_bytes
from penstock.connectors.destinations.mysql.lines import InsertLines, content
from penstock.connectors.destinations.mysql.texts import ColumnTexts, travels_as
from penstock.core.batch import Hint
from penstock.core.load import TableLoad, WriteMode
from penstock.core.metadata import DELETED, HINT, INSTANTS, OP
from penstock.core.types import logical, normal

_FEW: Final = 16


@dataclass(frozen=True)
class Facts:
    """What has to be known of the rows of a load before they are sent."""

    plain: bool
    """Each is a version of its own, with a value in every column of its key."""
    deletes: int


def facts(load: TableLoad) -> Facts:
    """Read from a few columns of the files."""
    names = [*load.key, OP, HINT]
    parts = [_columns(pq.read_table(file, columns=names), names) for file in load.files]
    rows = pa.concat_tables(parts, promote_options="permissive")
    empty = any(rows.column(name).null_count for name in load.key)
    greatest = pc.max(rows.column(HINT)).as_py() or 0
    deletes = pc.sum(pc.equal(rows.column(OP), "D")).as_py() or 0
    return Facts(plain=not empty and greatest == int(Hint.VERSION), deletes=int(deletes))


def _columns(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """With a column of nulls for each that the file lacks."""
    for name in names:
        if name not in rows.schema.names:
            rows = rows.append_column(name, pa.nulls(rows.num_rows))
    return rows


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
    parts = [pq.read_table(file, columns=list(load.key)) for file in load.files]
    rows = pa.concat_tables(parts, promote_options="permissive")
    places = sorted({rows.num_rows * n // _FEW for n in range(_FEW)} | {rows.num_rows - 1})
    texts, lines = ColumnTexts(), InsertLines()
    columns = []
    for name in load.key:
        kind = normal(travels_as(load.schema.field(name)))
        few = rows.column(name).take(pa.array(places)).combine_chunks()
        columns.append(lines.value(texts.text(few, name, kind), logical(kind)))
    return bytes(content(lines.rows(columns))[:-1]).decode()


def tombstones(load: TableLoad, found: Facts, existing: pa.Schema) -> int:
    """Rows that count as deleted rather than inserted, as in every other load."""
    merging = load.mode is WriteMode.MERGE and load.key
    return found.deletes if merging and DELETED in existing.names else 0
