"""Show a full reload, and keep what people have hung on the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.connectors.destinations.postgres.catalogue import has_additions, primary_key
from penstock.core import metadata
from penstock.sdk.sql import Tx
from penstock.sdk.sql.publish import refill, rename

if TYPE_CHECKING:
    from penstock.connectors.destinations.postgres.destination import Postgres


def swap(postgres: Postgres, tx: Tx, table: str, shadow: str) -> None:
    """As a rename; where the table has views, grants, indexes ... it stays, with new rows."""
    if not _stays(postgres, tx, table, shadow):
        rename(postgres, tx, table, shadow)
        return
    key = _drop_other_key(postgres, tx, table, shadow)
    refill(postgres, tx, table, shadow)
    columns = postgres.columns(tx, table)
    if key and columns is not None and metadata.VALID_FROM in columns.names:
        for statement in postgres.add_index(table, key):
            tx.run(statement)


def _stays(postgres: Postgres, tx: Tx, table: str, shadow: str) -> bool:
    old, new = postgres.columns(tx, table), postgres.columns(tx, shadow)
    assert new is not None, shadow
    if old is None:
        return False
    added = any(not metadata.is_ours(name) and name not in new.names for name in old.names)
    return added or has_additions(tx, postgres.qualified(table), postgres.qualified(shadow))


def _drop_other_key(postgres: Postgres, tx: Tx, table: str, shadow: str) -> tuple[str, ...]:
    """Drop the primary key that the new rows have no more; its columns, or none.

    A key may come several times in a table that is appended to or holds a history now. One
    on columns of the user's own stays.
    """
    place = postgres.qualified(table)
    old, new = primary_key(tx, place), primary_key(tx, postgres.qualified(shadow))
    columns = postgres.columns(tx, shadow)
    if old is None or columns is None or not {*old[1]} <= {*columns.names}:
        return ()
    if new is not None and {*new[1]} == {*old[1]}:
        return ()
    tx.run(f"ALTER TABLE {place} DROP CONSTRAINT {postgres.dialect.ident(old[0])}")
    return old[1]
