"""Show a full reload: its shadow table takes the place of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.core.clock import now_ms
from penstock.core.failpoints import hit
from penstock.core.load import WriteMode
from penstock.sdk.sql.ddl import statements
from penstock.sdk.sql.names import shadow_name
from penstock.sdk.sql.tx import Tx

if TYPE_CHECKING:
    from penstock.sdk.sql.engine import SqlEngine


def publish(engine: SqlEngine, tx: Tx, table: str, generation: int) -> None:
    """Swap the shadow of a generation in; nothing to do where that or a newer one is shown."""
    if engine.ledger_book.generation(tx, table) >= generation:
        return
    shadow = shadow_name(table, generation, engine.capabilities.table_limit)
    if engine.columns(tx, shadow) is None:
        return
    engine.swap(tx, table, shadow)
    drop_given_up(engine, tx, table, generation)
    engine.ledger_book.publish(tx, table, generation, now_ms())
    hit("publish.in_transaction")


def rename(engine: SqlEngine, tx: Tx, table: str, shadow: str) -> None:
    """Drop the table and give its name to the shadow."""
    if engine.columns(tx, table) is not None:
        tx.run(f"DROP TABLE {engine.qualified(table)}")
    tx.run(f"ALTER TABLE {engine.qualified(shadow)} RENAME TO {engine.dialect.ident(table)}")


def refill(engine: SqlEngine, tx: Tx, table: str, shadow: str) -> None:
    """Give the table the shadow's rows, and keep the table with all that hangs on it.

    Takes longer than a rename; readers see the old rows until the end.
    """
    new = engine.columns(tx, shadow)
    assert new is not None, shadow
    for statement in statements(engine, engine.columns(tx, table), table, new, (), WriteMode.MERGE):
        tx.run(statement)
    old = engine.columns(tx, table)
    assert old is not None, table
    names = [engine.dialect.ident(name) for name in new.names]
    values = [
        engine.dialect.cast(name, field.type, old.field(field.name))
        for name, field in zip(names, new, strict=True)
    ]
    place, source = engine.qualified(table), engine.qualified(shadow)
    tx.run(f"DELETE FROM {place}")
    tx.run(f"INSERT INTO {place} ({', '.join(names)}) SELECT {', '.join(values)} FROM {source}")
    tx.run(f"DROP TABLE {source}")


def drop_given_up(engine: SqlEngine, tx: Tx, table: str, generation: int) -> None:
    """Shadows of reloads that a newer one has overtaken."""
    shown = engine.ledger_book.generation(tx, table)
    for number in range(shown + 1, generation):
        shadow = shadow_name(table, number, engine.capabilities.table_limit)
        tx.run(f"DROP TABLE IF EXISTS {engine.qualified(shadow)}")
