"""Values that a log left out, taken from the stored row, before a load meets its table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from penstock.core.load import TableLoad, WriteMode
from penstock.core.metadata import LEFT_OUT_BITS, left_out_column
from penstock.sdk.sql.merge import newest, several
from penstock.sdk.sql.target import ACTIVE, HINT, OP, SEQ, Target
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
    stored = _stored(tx, target)
    columns = [_column(target, name) for name in target.load.schema.names]
    ours = [name for name in (OP, SEQ, HINT) if name.strip('"') not in target.load.schema.names]
    tx.run(
        f"CREATE TEMPORARY TABLE {FILLED} AS SELECT {', '.join(columns)}, "
        f"{', '.join(f's.{name}' for name in ours)} FROM {target.source} s "
        f"LEFT JOIN {stored} t ON {target.same_key('t', 's')}"
    )
    yield replace(target, source=FILLED, load=replace(target.load, left_out={}))
    tx.run(target.dialect.drop_temporary(FILLED))


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


def _stored(tx: Tx, target: Target) -> str:
    """The stored row of each key of the load: the active version, or the newest."""
    if target.load.mode is WriteMode.HISTORY:
        return f"(SELECT * FROM {target.table} h WHERE h.{ACTIVE})"
    return newest(tx, target) if several(tx, target) else target.table
