"""Statements that make a table, and let one grow to columns and a load mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from penstock.core import metadata
from penstock.core.diff import diff
from penstock.core.errors import SchemaConflict
from penstock.core.instants import Instants
from penstock.core.load import WriteMode
from penstock.core.types import logical_name
from penstock.sdk.sql.dialect import is_turned
from penstock.sdk.sql.switch import becomes_history, check_switch
from penstock.sdk.sql.tx import Tx

if TYPE_CHECKING:
    from penstock.sdk.sql.engine import SqlEngine


def changes(
    engine: SqlEngine,
    tx: Tx | None,
    table: str,
    schema: pa.Schema,
    key: Sequence[str],
    mode: WriteMode,
) -> list[str]:
    """What makes the table, or fits the one there is to the columns and the load mode.

    Args:
        tx: None where there is nothing yet, not even a database to look into.

    Raises:
        ConfigError: the table cannot go on in this mode.
        SchemaConflict: a column's type would have to change, and the engine cannot.
    """
    current = engine.columns(tx, table) if tx is not None else None
    if tx is None or current is None:
        return statements(engine, None, table, schema, key, mode)
    place = engine.qualified(table)
    check_switch(tx, engine.dialect, place, current, key, mode, name=table)
    first = becomes_history(current, mode)
    done = statements(engine, current, table, schema, key, WriteMode.APPEND if first else mode)
    if mode is not WriteMode.MERGE:
        done += engine.drop_key(tx, table, key)
    if first:
        done += engine.first_versions(table, _with_ours(schema, mode, engine.instants))
        done += engine.add_index(table, key)
    return done


def statements(
    engine: SqlEngine,
    current: pa.Schema | None,
    table: str,
    schema: pa.Schema,
    key: Sequence[str],
    mode: WriteMode,
) -> list[str]:
    """From the columns there are (None: no table) to the ones that are wanted."""
    wanted = _with_ours(schema, mode, engine.instants)
    if current is None:
        return _create(engine, table, wanted, key, mode)
    turned = _turned(current, wanted)
    change = diff(current, pa.schema([f for f in wanted if f not in turned]))
    dialect = engine.dialect
    done = add_columns(engine, table, change.added, current)
    for column, old, new in change.widened:
        field = pa.field(column, new)
        if dialect.type_name(field) != dialect.type_name(pa.field(column, old)):
            done += _widen(engine, table, field, current)
    for field in turned:
        done += _widen(engine, table, field, current)
    return done


def add_columns(
    engine: SqlEngine, table: str, fields: Sequence[pa.Field], current: pa.Schema
) -> list[str]:
    """One statement for each column."""
    kinds = engine.column_types(fields, (), current)
    return [
        f"ALTER TABLE {engine.qualified(table)} ADD COLUMN {engine.dialect.ident(f.name)} {kind}"
        for f, kind in zip(fields, kinds, strict=True)
    ]


def _create(
    engine: SqlEngine, table: str, wanted: pa.Schema, key: Sequence[str], mode: WriteMode
) -> list[str]:
    fields = [f for f in wanted if f.type != pa.null()]
    kinds = engine.column_types(fields, key, None)
    lines = [f"{engine.dialect.ident(f.name)} {k}" for f, k in zip(fields, kinds, strict=True)]
    if key and mode is WriteMode.MERGE:
        lines += engine.add_key(table, key)
    made = [f"CREATE TABLE {engine.qualified(table)} ({', '.join(lines)}){engine.table_options}"]
    return made + (engine.add_index(table, key) if mode is WriteMode.HISTORY else [])


def _widen(engine: SqlEngine, table: str, field: pa.Field, current: pa.Schema) -> list[str]:
    if engine.capabilities.widen_column:
        return engine.widen_column(table, field, current)
    old = current.field(field.name).type
    raise SchemaConflict(
        f"The column {field.name} would have to become {logical_name(field)}, and "
        f"{engine.dialect.name} cannot change a column's type ({logical_name(old)}).",
        hint="Copy the table into one with the wider column, or leave the field out.",
        code="schema.cannot_widen",
        table=table,
        column=field.name,
    )


def _turned(current: pa.Schema, wanted: pa.Schema) -> list[pa.Field]:
    """Times of ours that the table keeps in the other form, as they are wanted."""
    return [
        field
        for field in wanted
        if field.name in metadata.INSTANTS
        and field.name in current.names
        and is_turned(current.field(field.name).type, field.type)
    ]


def _with_ours(schema: pa.Schema, mode: WriteMode, instants: Instants) -> pa.Schema:
    """The rows' columns and those the load fills in itself."""
    kind = metadata.TIMESTAMP if instants == "TIMESTAMP" else pa.int64()
    fields = [f.with_type(kind) if f.name in metadata.INSTANTS else f for f in schema]
    extra = [pa.field(metadata.LOADED_AT, kind)]
    if mode is WriteMode.HISTORY:
        extra += [
            pa.field(metadata.VALID_FROM, metadata.TIMESTAMP),
            pa.field(metadata.VALID_TO, metadata.TIMESTAMP),
            pa.field(metadata.IS_ACTIVE, pa.bool_()),
        ]
    return pa.schema([*fields, *(f for f in extra if f.name not in schema.names)])
