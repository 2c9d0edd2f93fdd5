"""Show a full reload where DDL cannot be taken back: written down first, then done.

The ledger's row of the new generation is committed before its table takes the place. Whoever
finds that row and the shadow table beside it knows that the change was broken off, and does it.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from penstock.connectors.destinations.mysql.catalogue import has_additions, our_tables
from penstock.core.clock import now_ms
from penstock.core.failpoints import hit
from penstock.core.metadata import STAGING_PREFIX, is_ours
from penstock.sdk.sql.names import shadow_name
from penstock.sdk.sql.publish import drop_given_up, refill
from penstock.sdk.sql.tx import Tx

if TYPE_CHECKING:
    from penstock.connectors.destinations.mysql.destination import MySql

_OLD: Final = re.compile(rf"{STAGING_PREFIX}[0-9a-f]{{16}}_o\d+")


def show(mysql: MySql, tx: Tx, table: str, generation: int) -> None:
    """Record the generation, commit, and put its shadow in the table's place."""
    if mysql.ledger_book.generation(tx, table) >= generation:
        return
    if mysql.columns(tx, shadow_name(table, generation, mysql.capabilities.table_limit)) is None:
        return
    drop_given_up(mysql, tx, table, generation)
    mysql.ledger_book.publish(tx, table, generation, now_ms())
    hit("publish.in_transaction")
    mysql.commit()
    put_in_place(mysql, tx, table, generation)


def finish_broken_off(mysql: MySql, tx: Tx) -> None:
    """Do what an earlier process has written down, and drop what it had still to drop."""
    names = our_tables(tx, STAGING_PREFIX)
    for table, generation in mysql.ledger_book.generations(tx) if names else ():
        if shadow_name(table, generation, mysql.capabilities.table_limit) in names:
            put_in_place(mysql, tx, table, generation)
    for name in names:
        if _OLD.fullmatch(name):
            drop_old(mysql, tx, name)


def drop_old(mysql: MySql, tx: Tx, name: str) -> None:
    """Drop a table that has been replaced."""
    tx.run(f"DROP TABLE IF EXISTS {mysql.qualified(name)}")


def put_in_place(mysql: MySql, tx: Tx, table: str, generation: int) -> None:
    """One RENAME: readers see the old table or the new one. Where triggers, indexes or columns of
    the user hang on the table it stays, and gets the new rows in one transaction."""
    shadow = shadow_name(table, generation, mysql.capabilities.table_limit)
    old, new = mysql.columns(tx, table), mysql.columns(tx, shadow)
    assert new is not None, shadow
    place, source = mysql.qualified(table), mysql.qualified(shadow)
    if old is None:
        tx.run(f"RENAME TABLE {source} TO {place}")
        return
    added = any(not is_ours(name) and name not in new.names for name in old.names)
    if added or has_additions(tx, table, shadow):
        refill(mysql, tx, table, shadow)
        return
    aside = mysql.qualified(_old_name(table, generation))
    tx.run(f"RENAME TABLE {place} TO {aside}, {source} TO {place}")
    drop_old(mysql, tx, _old_name(table, generation))


def _old_name(table: str, generation: int) -> str:
    return f"{STAGING_PREFIX}{sha256(table.encode()).hexdigest()[:16]}_o{generation}"
