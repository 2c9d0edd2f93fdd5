"""Questions to the server's catalogue about tables."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.connectors.destinations.mysql.types import Stored
from penstock.sdk.sql.tx import Tx, one


def stored_columns(tx: Tx, table: str, *, maria: bool) -> list[Stored]:
    """The columns of a table of this database; none where there is no such table."""
    found = tx.rows(
        "SELECT c.column_name, c.column_type, c.character_set_name, c.collation_name, "
        "c.column_comment FROM information_schema.columns c, information_schema.tables t "
        # Said of both: the server looks into every table of which it is not told.
        "WHERE c.table_schema = database() AND c.table_name = ? AND t.table_schema = database() "
        "AND t.table_name = ? AND t.table_type = 'BASE TABLE' ORDER BY c.ordinal_position",
        [table, table],
    )
    json = _json_columns(tx, table) if maria and _may_be_json(found) else set()
    return [
        Stored(name, kind, charset, collation, comment, is_json=name in json)
        for name, kind, charset, collation, comment in found
    ]


def _may_be_json(columns: Sequence[tuple[str, ...]]) -> bool:
    return any(kind == "longtext" for _, kind, *_ in columns)


def _json_columns(tx: Tx, table: str) -> set[str]:
    """MariaDB keeps JSON as text with a check."""
    found = tx.rows(
        "SELECT constraint_name, check_clause FROM information_schema.check_constraints "
        "WHERE constraint_schema = database() AND table_name = ?",
        [table],
    )
    return {name for name, clause in found if clause == f"json_valid({_quoted(name)})"}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def unique_indexes(tx: Tx, table: str) -> dict[str, tuple[str, ...] | None]:
    """Columns of each unique index; None where one holds only a part or an expression."""
    found = tx.rows(
        "SELECT index_name, column_name, sub_part FROM information_schema.statistics "
        "WHERE table_schema = database() AND table_name = ? AND non_unique = 0 "
        "ORDER BY index_name, seq_in_index",
        [table],
    )
    indexes: dict[str, tuple[str, ...] | None] = {}
    for index, column, part in found:
        before = indexes.setdefault(index, ())
        whole = column is not None and part is None and before is not None
        indexes[index] = (*(before or ()), column) if whole else None
    return indexes


def indexed_columns(tx: Tx, table: str) -> set[str]:
    """Columns of a table of this database that stand in any index."""
    found = tx.rows(
        "SELECT DISTINCT column_name FROM information_schema.statistics "
        "WHERE table_schema = database() AND table_name = ?",
        [table],
    )
    return {name for (name,) in found}


def our_tables(tx: Tx, prefix: str) -> set[str]:
    """Tables of this database whose names begin so."""
    found = tx.rows(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = database() AND left(table_name, ?) = ?",
        [len(prefix), prefix],
    )
    return {name for (name,) in found}


# What somebody has added to a table, and what would stay behind under its old name.
# Views and grants go by the name of a table, so a rename keeps them.
_ADDITIONS = """
SELECT EXISTS (SELECT 1 FROM information_schema.triggers
    WHERE event_object_schema = database() AND event_object_table = ?)
OR EXISTS (SELECT 1 FROM information_schema.key_column_usage
    WHERE referenced_table_name IS NOT NULL AND (
        (table_schema = database() AND table_name = ?)
        OR (referenced_table_schema = database() AND referenced_table_name = ?)))
OR EXISTS (SELECT 1 FROM information_schema.tables
    WHERE table_schema = database() AND table_name = ?
    AND (table_comment <> '' OR create_options LIKE '%partitioned%'))
OR (SELECT count(DISTINCT index_name) FROM information_schema.statistics
    WHERE table_schema = database() AND table_name = ?)
    > (SELECT count(DISTINCT index_name) FROM information_schema.statistics
    WHERE table_schema = database() AND table_name = ?)
"""


def has_additions(tx: Tx, table: str, new: str) -> bool:
    """Whether the table has triggers, indexes, references ... that its successor lacks."""
    return bool(one(tx, _ADDITIONS, [table, table, table, table, table, new]))
