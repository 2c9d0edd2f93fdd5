"""Merge and append: one version per key, or every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.core.batch import Hint
from penstock.sdk.sql.target import DELETED, HINT, INGESTED, LOADED, OP, Target
from penstock.sdk.sql.tx import Tx, one

ACTIONS = "_ps_stg_actions"
PRINT = "_ps_stg_print"


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one load."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0


def append(tx: Tx, target: Target) -> Counts:
    """Insert every row; rows read again by an overlap only where no equal row is stored, and
    placeholders, which tell nothing of a row, only where none of their key is."""
    rows = target.load.rows
    known = ""
    plain = f"s.{HINT} = {int(Hint.VERSION)}"
    if target.key and one(tx, f"SELECT count(*) FROM {target.source} s WHERE NOT {plain}"):
        same = (
            f"{target.same_key('t', 's')} "
            f"AND (s.{HINT} = {int(Hint.PLACEHOLDER)} OR ({target.same_values('t', 's')}))"
        )
        known = f" WHERE {plain} OR NOT EXISTS (SELECT 1 FROM {target.table} t WHERE {same})"
        rows = one(tx, f"SELECT count(*) FROM {target.source} s{known}")
    tx.run(target.insert(f"{target.source} s{known}"))
    return Counts(inserted=rows, unchanged=target.load.rows - rows)


def merge(tx: Tx, target: Target) -> Counts:
    """Newest row per key (pipelines.md 4.4): keys in the load are unique already.

    What is to be done is decided first, for the rows that need anything at all; wide rows
    are read only for those. Rows equal to the stored ones, older rows, and placeholders of
    known keys are left alone.
    """
    if not _any_known(tx, target):
        return _all_new(tx, target)
    found = _decide(tx, target, target.table)
    if sum(found.values()) > target.load.rows:
        # A key is stored more than once, as append leaves tables.
        tx.run(target.dialect.drop_temporary(ACTIONS))
        found = _decide(tx, target, newest(tx, target))
    counts = Counts(
        inserted=found.get("i", 0),
        updated=found.get("u", 0),
        deleted=found.get("d", 0) + found.get("t", 0),
        unchanged=found.pop("n", 0),
    )
    if counts.deleted:
        _flag(tx, target)
    if counts.updated:
        _replace(tx, target)
    new = {"i", "t"} if counts.updated and target.foreign_columns else {"i", "t", "u"}
    if new.issuperset(found) and not counts.unchanged:
        tx.run(target.insert(f"{target.source} s"))
    elif new.intersection(found):
        tx.run(target.insert(f"{target.source} s JOIN {_todo(target, new)}"))
    tx.run(target.dialect.drop_temporary(ACTIONS))
    return counts


def _any_known(tx: Tx, target: Target) -> bool:
    """Whether a key of the load is stored: a first read has none, and is compared with nothing."""
    if not tx.rows(f"SELECT 1 FROM {target.table} LIMIT 1"):
        return False
    same = target.same_key("t", "s")
    return bool(tx.rows(f"SELECT 1 FROM {target.source} s JOIN {target.table} t ON {same} LIMIT 1"))


def _all_new(tx: Tx, target: Target) -> Counts:
    gone = 0
    if target.has_deleted:
        gone = one(tx, f"SELECT count(*) FROM {target.source} s WHERE s.{OP} = 'D'")
    tx.run(target.insert(f"{target.source} s"))
    return Counts(inserted=target.load.rows - gone, deleted=gone)


def _decide(tx: Tx, target: Target, stored: str) -> dict[str, int]:
    """A temporary table of keys with what to do: insert, update, delete, tombstone or nothing.

    Returns how often each of them is there: together the rows of the load, as its keys are
    unique, or more where a key is stored more than once.

    Of both sides a fingerprint of the values is joined, not the values: a join holds all that it
    is given of a side, which of many columns is more memory than the rest of a job takes.
    """
    live = f"t.{DELETED} IS NOT TRUE" if target.has_deleted else "TRUE"
    same = target.dialect.same(f"s.{PRINT}", f"t.{PRINT}")
    todo = (
        f"CASE WHEN t.{target.key[0]} IS NULL THEN CASE WHEN s.{OP} = 'D' THEN 't' ELSE 'i' END "
        f"WHEN t.{INGESTED} > s.{INGESTED} OR s.{HINT} = {int(Hint.PLACEHOLDER)} THEN 'n' "
        f"WHEN s.{OP} = 'D' THEN CASE WHEN {live} THEN 'd' ELSE 'n' END "
        f"WHEN {live} AND {same} THEN 'n' ELSE 'u' END"
    )
    known = [*target.key, INGESTED, *([DELETED] if target.has_deleted else [])]
    keys = ", ".join(f"s.{name}" for name in target.key)
    tx.run(
        f"CREATE TEMPORARY TABLE {ACTIONS} AS SELECT {keys}, {todo} AS _ps_todo, "
        f"t.{INGESTED} AS _ps_stored "
        f"FROM {_printed(target, [*target.key, INGESTED, OP, HINT], 's')} "
        f"LEFT JOIN {_printed(target, known, 't', stored)} ON {target.same_key('t', 's')}"
    )
    return dict(tx.rows(f"SELECT _ps_todo, count(*) FROM {ACTIONS} GROUP BY _ps_todo"))


def _printed(target: Target, names: list[str], alias: str, rows: str = "") -> str:
    """These columns of the rows, by default the load's, and their fingerprint."""
    columns = ", ".join(f"p.{name}" for name in names)
    values = target.fingerprint("p")
    return f"(SELECT {columns}, {values} AS {PRINT} FROM {rows or target.source} p) {alias}"


def several(tx: Tx, target: Target) -> bool:
    """Whether a key of the load is stored more than once: append leaves such tables."""
    same = target.same_key("t", "s")
    keys = ", ".join(f"t.{name}" for name in target.key)
    return bool(
        tx.rows(
            f"SELECT 1 FROM {target.source} s JOIN {target.table} t ON {same} "
            f"GROUP BY {keys} HAVING count(*) > 1 LIMIT 1"
        )
    )


def newest(tx: Tx, target: Target) -> str:
    """The newest stored row of each key; those before it stay as they are."""
    keys = ", ".join(f"h.{name}" for name in target.key)
    order = target.dialect.newest_first(f"h.{INGESTED}")
    again = target.dialect.again(tx, target.source, target.key, ", ".join(target.key))
    return (
        f"(SELECT x.* FROM (SELECT h.*, row_number() OVER (PARTITION BY {keys} "
        f"ORDER BY {order}, h.{LOADED} DESC) AS _ps_stg_place "
        f"FROM {target.table} h WHERE EXISTS (SELECT 1 FROM {again} s "
        f"WHERE {target.same_key('h', 's')})) x WHERE x._ps_stg_place = 1)"
    )


def _stored(target: Target) -> str:
    """The row of an action: of a key that is stored several times, the newest."""
    newest = target.dialect.same(f"t.{INGESTED}", "a._ps_stored")
    return f"{target.same_key('t', 'a')} AND {newest}"


def _todo(target: Target, which: set[str]) -> str:
    """A join partner: keys with one of these actions."""
    listed = ", ".join(f"'{action}'" for action in sorted(which))
    return f"{ACTIONS} a ON {target.same_key('a', 's')} AND a._ps_todo IN ({listed})"


def _flag(tx: Tx, target: Target) -> None:
    """A delete keeps the row's last values and sets the flag."""
    values = {OP: "'D'"} if target.keeps_op else {}
    values |= {DELETED: "TRUE", INGESTED: f"s.{INGESTED}", LOADED: target.loaded}
    tx.run(_update(target, values, "d"))


def _replace(tx: Tx, target: Target) -> None:
    """Take the old versions away, so that the new ones can be inserted with the new keys.

    Faster than an update in column stores. Columns that the user added would be lost so:
    then the row is updated where it stands.
    """
    if not target.foreign_columns:
        which = f"{_stored(target)} AND a._ps_todo = 'u'"
        tx.run(target.dialect.delete(target.table, "t", which, f"{ACTIONS} a"))
        return
    values = {name: f"s.{name}" for name in target.columns if name not in target.key}
    values |= dict.fromkeys(target.lapsed, "NULL")
    tx.run(_update(target, values | {LOADED: target.loaded}, "u"))


def _update(target: Target, values: Mapping[str, str], todo: str) -> str:
    """Set columns of the stored rows with this action; the staged row is `s`."""
    where = f"{target.same_key('t', 's')} AND {_stored(target)} AND a._ps_todo = '{todo}'"
    return target.dialect.update(target.table, values, f"{target.source} s, {ACTIONS} a", where)
