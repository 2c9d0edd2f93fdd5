"""Values that a log left out, taken from the stored row, before a load meets its table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from penstock.core.load import TableLoad, WriteMode
from penstock.core.metadata import LEFT_OUT_BITS, left_out_column
from penstock.sdk.sql.target import ACTIVE, HINT, INGESTED, LOADED, OP, SEQ, Target
from penstock.sdk.sql.tx import Tx

FILLED = "_ps_stg_filled"


@contextmanager
def filled(tx: Tx, target: Target) -> Iterator[Target]:
    """The same target with rows that have all their values; of keys that are not stored, null.

    So no write mode has to know of values that were left out.
    """
    if not target.load.left_out:
        yield target
        return
    stored = _stored(target)
    columns = [_column(target, name) for name in target.load.schema.names]
    ours = [name for name in (OP, SEQ, HINT) if name.strip('"') not in target.load.schema.names]
    tx.run(
        f"CREATE TEMPORARY TABLE {FILLED} AS SELECT {', '.join(columns)}, "
        f"{', '.join(f's.{name}' for name in ours)} FROM {target.source} s "
        f"LEFT JOIN {stored} t ON {target.same_key('t', 's')}"
    )
    yield replace(target, source=FILLED, load=replace(target.load, left_out={}))
    tx.run(f"DROP TABLE {FILLED}")


def mask_columns(load: TableLoad) -> list[str]:
    """Names of the mask columns that the rows of a load have; null where a file lacks one."""
    words = {place // LEFT_OUT_BITS for place in load.left_out.values()}
    return [left_out_column(word) for word in sorted(words)]


def _column(target: Target, name: str) -> str:
    quoted = target.dialect.ident(name)
    place = target.load.left_out.get(name)
    if place is None or name in target.load.key:
        return f"s.{quoted}"
    word, bit = divmod(place, LEFT_OUT_BITS)
    mask = f"s.{target.dialect.ident(left_out_column(word))}"
    return f"CASE WHEN ({mask} & {1 << bit}) <> 0 THEN t.{quoted} ELSE s.{quoted} END AS {quoted}"


def _stored(target: Target) -> str:
    """The stored row of each key of the load: the active version, or the newest."""
    if target.load.mode is WriteMode.HISTORY:
        return f"(SELECT * FROM {target.table} h WHERE h.{ACTIVE})"
    keys = ", ".join(f"h.{name}" for name in target.key)
    return (
        f"(SELECT x.* FROM (SELECT h.*, row_number() OVER (PARTITION BY {keys} "
        f"ORDER BY h.{INGESTED} DESC NULLS LAST, h.{LOADED} DESC) AS _ps_stg_place "
        f"FROM {target.table} h WHERE EXISTS (SELECT 1 FROM {target.source} s "
        f"WHERE {target.same_key('h', 's')})) x WHERE x._ps_stg_place = 1)"
    )
