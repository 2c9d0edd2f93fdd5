"""Questions to the server's catalogue about tables and their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from penstock.connectors.sources.postgres.types import Forms, PgType, cast_name
from penstock.connectors.sources.postgres.words import PostgresWords
from penstock.core.metadata import XMIN
from penstock.sdk.sql.reading import Column, Table

# Partitions are read through their table, and inheritance children through their parent.
# Rows of a partitioned table are counted over its leaves; -1 is "never analysed".
TABLES: Final = """
SELECT c.oid, n.nspname, c.relname, c.relkind::text,
  CASE WHEN c.relkind = 'p' THEN (
      SELECT CASE WHEN bool_or(l.reltuples < 0) THEN -1 ELSE sum(l.reltuples) END
      FROM pg_inherits i JOIN pg_class l ON l.oid = i.inhrelid WHERE i.inhparent = c.oid)
    ELSE c.reltuples END::bigint,
  c.relpages, coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname LIKE ANY (%(schemas)s)
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_t%%'
  AND has_schema_privilege(n.oid, 'USAGE')
  AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'))
ORDER BY n.nspname, c.relname
"""

_HIDDEN: Final = """
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname LIKE ANY (%(schemas)s)
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_t%%'
  AND NOT (has_schema_privilege(n.oid, 'USAGE') AND (
    has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')))
ORDER BY 1
"""
HIDDEN: Final = f"SELECT n.nspname || '.' || c.relname {_HIDDEN}"
HIDDEN_SCHEMAS: Final = f"SELECT DISTINCT n.nspname {_HIDDEN}"

# Of tables with row security, those whose policies hold for this user: it sees some rows only.
SECURED: Final = """
SELECT n.nspname || '.' || c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relrowsecurity AND n.nspname LIKE ANY (%(schemas)s) AND row_security_active(c.oid)
ORDER BY 1
"""

COLUMNS: Final = """
SELECT a.attrelid, a.attname, a.attnotnull, t.typname, t.typtype::text, tn.nspname, a.atttypmod,
  format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_namespace tn ON tn.oid = t.typnamespace
WHERE a.attrelid = ANY (%(tables)s) AND a.attnum > 0 AND NOT a.attisdropped
  AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
ORDER BY a.attrelid, a.attnum
"""

# Whole indexes on plain columns; the primary key comes first, then unique ones by name.
INDEXES: Final = """
SELECT i.indrelid, i.indisprimary, i.indisunique,
  k.names, k.whole
FROM pg_index i, LATERAL (
    SELECT array_agg(a.attname::text ORDER BY x.at) AS names, bool_and(a.attnotnull) AS whole
    FROM unnest(i.indkey::int2[]) WITH ORDINALITY x(num, at)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = x.num
    WHERE x.at <= %(keys)s) k, pg_class c JOIN pg_am m ON m.oid = c.relam
WHERE c.oid = i.indexrelid AND i.indrelid = ANY (%(tables)s)
  AND i.indpred IS NULL AND i.indexprs IS NULL
  AND i.indisvalid AND i.indimmediate AND m.amname = 'btree'
ORDER BY i.indrelid, i.indisprimary DESC, i.indisunique DESC, c.relname
"""


_XMIN: Final = Column(XMIN, pa.int64(), "xmin::text::bigint", "bigint", nullable=False)


def tables(
    found: Sequence[tuple[Any, ...]],
    columns: Sequence[tuple[Any, ...]],
    indexes: Sequence[tuple[Any, ...]],
    forms: Forms,
) -> list[Table]:
    """Answers to the three questions, as tables; those without a readable column are left out."""
    words = PostgresWords()
    by_table: dict[int, list[Column]] = {}
    for oid, *rest in columns:
        by_table.setdefault(oid, []).append(_column(words, forms, *rest))
    keys: dict[int, list[tuple[bool, bool, tuple[str, ...]]]] = {}
    for oid, _primary, unique, names, whole in indexes:
        keys.setdefault(oid, []).append((unique, bool(whole), tuple(names or ())))
    return [
        _table(forms, words, row, by_table[row[0]], keys.get(row[0], []))
        for row in found
        if row[0] in by_table
    ]


def _table(
    forms: Forms,
    words: PostgresWords,
    row: tuple[Any, ...],
    columns: Sequence[Column],
    keys: Sequence[tuple[bool, bool, tuple[str, ...]]],
) -> Table:
    _oid, schema, name, kind, rows, pages, title = row
    readable = {item.name for item in columns}
    usable = [(u, w, names) for u, w, names in keys if names and readable.issuperset(names)]
    unique = tuple(names for is_unique, whole, names in usable if is_unique and whole)
    stored = kind in ("r", "p", "m")
    # A table that was never analysed, or is empty, says nothing of its rows.
    known = stored and rows >= 0 and not (rows == 0 and pages > 0)
    versioned = kind in ("r", "p")
    version = (_XMIN,) if forms.xmin and versioned else ()
    return Table(
        schema,
        name,
        (*columns, *version),
        f"{words.ident(schema)}.{words.ident(name)}",
        key=unique[0] if unique else (),
        unique=unique,
        indexes=tuple(names for _, _, names in usable),
        rows=rows if known else None,
        kind="table" if stored else "view",
        versioned=versioned,
        title=title,
    )


def _column(
    words: PostgresWords,
    forms: Forms,
    name: str,
    not_null: bool,
    type_name: str,
    kind: str,
    namespace: str,
    modifier: int,
    shown: str,
) -> Column:
    pg = PgType(type_name, kind, modifier, forms)
    ident = words.ident(name)
    native = shown if namespace == "pg_catalog" else cast_name(namespace, type_name)
    return Column(name, pg.arrow, pg.select(ident), native, nullable=not not_null)


TYPES: Final = """
SELECT t.oid, t.typname, t.typtype::text, n.nspname, format_type(t.oid, NULL)
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = ANY (%(types)s)
"""


def query_columns(
    description: Sequence[Any], types: Sequence[tuple[Any, ...]], forms: Forms
) -> tuple[Column, ...]:
    """Columns of a query's answer, as the driver describes it.

    Args:
        types: the answer to `TYPES` for them.
    """
    words = PostgresWords()
    by_oid = {oid: rest for oid, *rest in types}
    found = []
    for item in description:
        name, kind, namespace, shown = by_oid[item.type_code]
        pg = PgType.of_result(name, kind, item.precision, item.scale, forms)
        native = shown if namespace == "pg_catalog" else cast_name(namespace, name)
        found.append(Column(item.name, pg.arrow, pg.select(words.ident(item.name)), native))
    return tuple(found)
