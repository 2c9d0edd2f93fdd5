"""History: every version of a row with the time in which it was valid."""

from __future__ import annotations

from penstock.core import metadata
from penstock.core.batch import Hint
from penstock.sdk.sql.merge import Counts
from penstock.sdk.sql.switch import OPEN_END
from penstock.sdk.sql.target import (
    ACTIVE,
    FROM,
    HINT,
    INGESTED,
    LOADED,
    MODIFIED,
    OP,
    SEQ,
    TO,
    Target,
)
from penstock.sdk.sql.tx import Tx

VERSIONS = "_ps_stg_versions"
# Columns that statements make beside those of the rows begin with _ps_, as no field's does.


def history(tx: Tx, target: Target) -> Counts:
    """Add versions that differ from the one before; close those they follow.

    A key may come several times in a load, in the order of `(_ps_ingested_at, _ps_seq)`.
    A delete closes the active version one millisecond before it and adds none.
    """
    _chain(tx, target)
    _keep_changes(tx, target)
    found = dict(tx.rows(f"SELECT _ps_kind, count(*) FROM {VERSIONS} GROUP BY _ps_kind"))
    _close(tx, target)
    _add(tx, target)
    tx.run(target.dialect.drop_temporary(VERSIONS))
    kept = sum(found.values())
    return Counts(
        inserted=found.get("i", 0),
        updated=found.get("u", 0),
        deleted=found.get("d", 0),
        unchanged=target.load.rows - kept,
    )


def _chain(tx: Tx, target: Target) -> None:
    """Staged versions numbered per key, with the time from which each is valid.

    The change time in the source counts where it is later than the version before began;
    else the time the row was read.
    """
    keys = ", ".join(f"s.{name}" for name in target.key)
    read = target.moment(metadata.INGESTED_AT, f"s.{INGESTED}")
    start = read
    if metadata.SOURCE_MODIFIED_AT in target.load.schema.names:
        changed = target.moment(metadata.SOURCE_MODIFIED_AT, f"s.{MODIFIED}")
        later = f"(t.{FROM} IS NULL OR {changed} > t.{FROM})"
        start = f"CASE WHEN s.{MODIFIED} IS NOT NULL AND {later} THEN {changed} ELSE {read} END"
    again = target.dialect.again(tx, target.source, target.key, ", ".join(target.key))
    keys_of_load = f"EXISTS (SELECT 1 FROM {again} s WHERE {target.same_key('h', 's')})"
    known = (
        f"SELECT {', '.join(f'h.{name}' for name in target.key)}, max(h.{INGESTED}) AS _ps_newest "
        f"FROM {target.table} h WHERE {keys_of_load} GROUP BY {', '.join(target.key)}"
    )
    fresh = (
        f"SELECT s.*, {start} AS _ps_asked, t.{FROM} AS _ps_active_from, k._ps_newest, "
        f"row_number() OVER (PARTITION BY {keys} ORDER BY s.{INGESTED}, s.{SEQ}) AS _ps_place, "
        f"CASE WHEN s.{OP} = 'D' THEN 'd' WHEN t.{FROM} IS NULL THEN 'i' ELSE 'u' END AS _ps_kind, "
        f"CASE WHEN t.{FROM} IS NULL THEN FALSE ELSE ({target.same_values('s', 't')}) END "
        "AS _ps_same "
        f"FROM {target.source} s LEFT JOIN {target.table} t "
        f"ON {target.same_key('t', 's')} AND t.{ACTIVE} "
        f"LEFT JOIN ({known}) k ON {target.same_key('k', 's')} "
        # Older than what is known of the key, its delete included.
        f"WHERE k._ps_newest IS NULL OR k._ps_newest <= s.{INGESTED}"
    )
    plain = ", ".join(target.key)
    raw = (
        f"SELECT f.*, row_number() OVER (PARTITION BY {plain} ORDER BY _ps_place) AS _ps_number "
        f"FROM ({fresh}) f WHERE f.{HINT} <> {int(Hint.PLACEHOLDER)} "
        "OR (f._ps_place = 1 AND f._ps_newest IS NULL)"
    )
    # Time goes forward along a chain: never before the version that is closed, and versions
    # of the same instant are a millisecond apart.
    ms = target.dialect.milliseconds
    floor = f"GREATEST(_ps_asked, COALESCE(_ps_active_from + {ms()}, _ps_asked))"
    running = f"max({floor}) OVER (PARTITION BY {plain} ORDER BY _ps_number)"
    ties = f"row_number() OVER (PARTITION BY {plain}, _ps_running ORDER BY _ps_number) - 1"
    tx.run(
        f"CREATE TEMPORARY TABLE {VERSIONS} AS "
        f"SELECT r.*, _ps_running + {ms(ties)} AS _ps_starts "
        f"FROM (SELECT c.*, {running} AS _ps_running FROM ({raw}) c) r"
    )


def _keep_changes(tx: Tx, target: Target) -> None:
    """Drop versions that change nothing: each is compared with the one before it."""
    keys = ", ".join(target.key)
    dialect = target.dialect
    equal = (
        f"{target.same_key('b', 's')} "
        f"AND b._ps_number = s._ps_number - 1 AND ((s._ps_kind <> 'd' AND b._ps_kind <> 'd' "
        f"AND {target.same_values('s', 'b')}) OR (s._ps_kind = 'd' AND b._ps_kind = 'd'))"
    )
    before = f"{dialect.again(tx, VERSIONS, target.key)} b"
    tx.run(dialect.delete(VERSIONS, "s", equal, before))
    tx.run(
        f"DELETE FROM {VERSIONS} WHERE _ps_number = 1 "
        "AND ((_ps_same AND _ps_kind <> 'd') OR (_ps_kind = 'd' AND _ps_active_from IS NULL))"
    )
    # The first of several new versions is an insert, those after it replace it.
    again = dialect.again(tx, VERSIONS, target.key, f"{keys}, _ps_number")
    first = f"(SELECT {keys}, min(_ps_number) AS _ps_least FROM {again} GROUP BY {keys}) m"
    later = f"{target.same_key('m', 't')} AND t._ps_number > m._ps_least AND t._ps_kind = 'i'"
    tx.run(dialect.update(VERSIONS, {"_ps_kind": "'u'"}, first, later))


def _close(tx: Tx, target: Target) -> None:
    """End the active version. A delete leaves its time of reading in it: rows read before the
    delete that come late are recognised by that."""
    keys = ", ".join(target.key)
    dialect = target.dialect
    again = dialect.again(tx, VERSIONS, target.key, f"{keys}, _ps_starts, _ps_number")
    first = (
        f"SELECT {keys}, min(_ps_starts) AS _ps_first, min(_ps_number) AS _ps_number "
        f"FROM {again} GROUP BY {keys}"
    )
    values = {
        TO: f"m._ps_first - {dialect.milliseconds()}",
        ACTIVE: "FALSE",
        LOADED: target.loaded,
        INGESTED: f"CASE WHEN v._ps_kind = 'd' THEN v.{INGESTED} ELSE t.{INGESTED} END",
    }
    which = (
        f"{target.same_key('t', 'm')} AND {target.same_key('v', 'm')} "
        f"AND v._ps_number = m._ps_number AND t.{ACTIVE}"
    )
    tx.run(dialect.update(target.table, values, f"({first}) m, {VERSIONS} v", which))


def _add(tx: Tx, target: Target) -> None:
    keys = ", ".join(target.key)
    window = f"OVER (PARTITION BY {keys} ORDER BY _ps_starts, _ps_number)"
    until = f"_ps_following - {target.dialect.milliseconds()}"
    columns = ", ".join(
        f"CASE WHEN _ps_next_kind = 'd' THEN _ps_next_read ELSE {name} END"
        if name == INGESTED
        else name
        for name in target.columns
    )
    tx.run(
        f"INSERT INTO {target.table} ({target.listed()}, {LOADED}, {FROM}, {TO}, {ACTIVE}) "
        f"SELECT {columns}, {target.loaded}, _ps_starts, "
        f"COALESCE({until}, {OPEN_END}), _ps_following IS NULL "
        f"FROM (SELECT v.*, lead(_ps_starts) {window} AS _ps_following, "
        f"lead(_ps_kind) {window} AS _ps_next_kind, "
        f"lead({INGESTED}) {window} AS _ps_next_read FROM {VERSIONS} v) x WHERE _ps_kind <> 'd'"
    )
