"""Merge by one statement: INSERT ... ON CONFLICT DO UPDATE."""

from __future__ import annotations

from penstock.core import metadata
from penstock.core.batch import Hint
from penstock.sdk.sql.merge import Counts
from penstock.sdk.sql.target import DELETED, HINT, INGESTED, LOADED, OP, Target
from penstock.sdk.sql.tx import Tx


def upsert(tx: Tx, target: Target) -> Counts:
    """Newest row per key (pipelines.md 4.4), into a table with a unique index on the key.

    The join leaves out what would change nothing: a row that ON CONFLICT finds is locked, and
    so written to, even where its WHERE refuses. Two pipelines may fill one table at the same
    time: the WHERE looks at what the other has written since.

    Stored rows are found by the index, one by one. The planner would rather read all of a large
    table and hash the wide staged rows: in measurements that took two to three times as long,
    and was no quicker where as many rows came as were stored.
    """
    gone = f"t.{DELETED}" if target.has_deleted else "FALSE"
    statement = (
        f"WITH done AS (INSERT INTO {target.table} AS t ({target.listed()}, {LOADED}) "
        f"SELECT {target.listed('s.')}, {target.loaded} FROM {target.source} s "
        f"LEFT JOIN {target.table} o ON {target.same_key('o', 's')} WHERE {_matters(target)} "
        f"ON CONFLICT ({', '.join(target.key)}) DO UPDATE SET {_values(target)} "
        f"WHERE t.{INGESTED} IS NULL OR t.{INGESTED} <= EXCLUDED.{INGESTED} "
        # xmax is zero in a row that was not there before.
        f"RETURNING xmax = 0 AS fresh, {gone} IS TRUE AS gone) "
        "SELECT count(*) FILTER (WHERE fresh AND NOT gone), "
        "count(*) FILTER (WHERE NOT fresh AND NOT gone), count(*) FILTER (WHERE gone) FROM done"
    )
    tx.run("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
    inserted, updated, deleted = tx.rows(statement)[0]
    tx.run("SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT")
    unchanged = target.load.rows - inserted - updated - deleted
    return Counts(inserted=inserted, updated=updated, deleted=deleted, unchanged=unchanged)


def _matters(target: Target) -> str:
    """New keys, and rows that are not older than the stored one `o` and differ from it."""
    live = f"o.{DELETED} IS NOT TRUE" if target.has_deleted else "TRUE"
    same = target.same_values("s", "o")
    return (
        f"o.{target.key[0]} IS NULL OR ((o.{INGESTED} > s.{INGESTED}) IS NOT TRUE "
        f"AND s.{HINT} <> {int(Hint.PLACEHOLDER)} "
        f"AND CASE WHEN s.{OP} = 'D' THEN {live} ELSE NOT ({live} AND {same}) END)"
    )


def _values(target: Target) -> str:
    """A delete sets the flag and keeps the last values."""
    ident = target.dialect.ident
    always = {metadata.INGESTED_AT, metadata.DELETED, metadata.OP}
    names = [*target.load.schema.names]
    flagged = metadata.DELETED in names
    parts = [f"{LOADED} = EXCLUDED.{LOADED}", *(f"{name} = NULL" for name in target.lapsed)]
    for plain in names:
        name = ident(plain)
        if name in target.key:
            continue
        value = f"EXCLUDED.{name}"
        if flagged and plain not in always:
            value = f"CASE WHEN EXCLUDED.{DELETED} THEN t.{name} ELSE {value} END"
        parts.append(f"{name} = {value}")
    return ", ".join(parts)
