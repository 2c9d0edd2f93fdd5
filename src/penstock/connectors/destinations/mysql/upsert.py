"""Merge by one statement: INSERT ... ON DUPLICATE KEY UPDATE."""

from __future__ import annotations

from penstock.core import metadata
from penstock.core.batch import Hint
from penstock.sdk.sql.merge import ACTIONS, Counts
from penstock.sdk.sql.target import DELETED, HINT, INGESTED, LOADED, OP, Target
from penstock.sdk.sql.tx import Tx


def upsert(tx: Tx, target: Target) -> Counts:
    """Newest row per key (pipelines.md 4.4), into a table whose only unique index is the key.

    What is to be done is decided first, without a lock: the target is locked row by row, and
    only for rows that change. Two pipelines may fill one table at the same time: the upsert
    looks at what the other has written since.
    """
    if not _any_known(tx, target):
        return _all_new(tx, target)
    _decide(tx, target)
    found = dict(tx.rows(f"SELECT todo, count(*) FROM {ACTIONS} GROUP BY todo"))
    if found:
        # In this order: the staged rows have no index.
        rows = f"{target.source} s STRAIGHT_JOIN {ACTIONS} a ON {target.same_key('a', 's')}"
        tx.run(f"{target.insert(rows)} ON DUPLICATE KEY UPDATE {_values(target)}")
    tx.run(target.dialect.drop_temporary(ACTIONS))
    return Counts(
        inserted=found.get("i", 0),
        updated=found.get("u", 0),
        deleted=found.get("d", 0),
        unchanged=target.load.rows - sum(found.values()),
    )


def _any_known(tx: Tx, target: Target) -> bool:
    """Whether a key of the load is stored: a first read has none."""
    if not tx.rows(f"SELECT 1 FROM {target.table} LIMIT 1"):
        return False
    # In this order: the staged rows have no index.
    known = f"{target.source} s STRAIGHT_JOIN {target.table} t ON {target.same_key('t', 's')}"
    return bool(tx.rows(f"SELECT 1 FROM {known} LIMIT 1"))


def _all_new(tx: Tx, target: Target) -> Counts:
    gone = 0
    if target.has_deleted:
        gone = tx.rows(f"SELECT count(*) FROM {target.source} s WHERE s.{OP} = 'D'")[0][0]
    tx.run(f"{target.insert(f'{target.source} s')} ON DUPLICATE KEY UPDATE {_values(target)}")
    return Counts(inserted=target.load.rows - gone, deleted=gone)


def _decide(tx: Tx, target: Target) -> None:
    """A temporary table of the keys that need anything: insert, update or delete."""
    live = f"t.{DELETED} IS NOT TRUE" if target.has_deleted else "TRUE"
    new = f"CASE WHEN s.{OP} = 'D' THEN 'd' ELSE 'i' END" if target.has_deleted else "'i'"
    todo = (
        f"CASE WHEN t.{target.key[0]} IS NULL THEN {new} "
        f"WHEN t.{INGESTED} > s.{INGESTED} OR s.{HINT} = {int(Hint.PLACEHOLDER)} THEN 'n' "
        f"WHEN s.{OP} = 'D' THEN CASE WHEN {live} THEN 'd' ELSE 'n' END "
        f"WHEN {live} AND {target.same_values('s', 't')} THEN 'n' ELSE 'u' END"
    )
    keys = ", ".join(f"s.{name}" for name in target.key)
    joined = f"{target.source} s LEFT JOIN {target.table} t ON {target.same_key('t', 's')}"
    tx.run(
        f"CREATE TEMPORARY TABLE {ACTIONS} (PRIMARY KEY ({', '.join(target.key)})) AS "
        f"SELECT * FROM (SELECT {keys}, {todo} AS todo FROM {joined}) x WHERE todo <> 'n'"
    )


def _values(target: Target) -> str:
    """A delete sets the flag and keeps the last values; a row that is older changes nothing.

    Assignments are made from left to right, so the time that decides comes last.
    """
    ident = target.dialect.ident
    names = [*target.load.schema.names]
    stored = f"{target.table}.{INGESTED}"
    newer = f"({stored} IS NULL OR VALUES({INGESTED}) >= {stored})"
    flagged = metadata.DELETED in names
    kept = f"{newer} AND NOT VALUES({DELETED})" if flagged else newer
    values = {LOADED: (newer, f"VALUES({LOADED})")}
    values |= dict.fromkeys(target.lapsed, (newer, "NULL"))
    for plain in names:
        name = ident(plain)
        if name in target.key or name == INGESTED:
            continue
        when = newer if plain in (metadata.DELETED, metadata.OP) else kept
        values[name] = (when, f"VALUES({name})")
    values[INGESTED] = (newer, f"VALUES({INGESTED})")
    return ", ".join(
        f"{target.table}.{name} = IF({when}, {new}, {target.table}.{name})"
        for name, (when, new) in values.items()
    )
