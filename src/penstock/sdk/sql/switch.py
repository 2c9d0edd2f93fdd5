"""A table that was filled in another load mode than the one asked for now (pipelines.md 4.2)."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from penstock.core import metadata
from penstock.core.errors import ConfigError
from penstock.core.load import WriteMode
from penstock.sdk.sql.dialect import Dialect
from penstock.sdk.sql.target import ACTIVE, DELETED, FROM, TO
from penstock.sdk.sql.tx import Tx

OPEN_END = "TIMESTAMP '9999-12-31 23:59:59'"
VALIDITY = frozenset({metadata.VALID_FROM, metadata.VALID_TO, metadata.IS_ACTIVE})
_FULL_REFRESH = "or run once with --full-refresh, which makes the table anew"


def becomes_history(columns: pa.Schema, mode: WriteMode | None) -> bool:
    """Whether the rows stored so far are to be taken over as first versions."""
    return mode is WriteMode.HISTORY and not VALIDITY & set(columns.names)


def check_switch(
    tx: Tx,
    dialect: Dialect,
    place: str,
    columns: pa.Schema,
    key: Sequence[str],
    mode: WriteMode,
    *,
    name: str,
) -> None:
    """Refuse what would mix up versions and rows.

    Args:
        place: the table, qualified and quoted.
        columns: what it has now.
        key: names of its key.

    Raises:
        ConfigError: it holds a history and another mode is asked for; or it is to become a
            history and has no key, or several rows of one, whose order in time nobody knows.
    """
    if mode is not WriteMode.HISTORY:
        holds = metadata.IS_ACTIVE in columns.names and tx.rows(
            f"SELECT 1 FROM {place} WHERE {ACTIVE} IS NOT NULL LIMIT 1"
        )
        if holds:
            raise ConfigError(
                f"The table {name} holds a history: in {mode.value} mode its versions would be "
                "taken for rows.",
                hint=f"Set load_mode back to history, {_FULL_REFRESH} (its history goes with it).",
                code="config.mode_switch",
                table=name,
            )
    elif becomes_history(columns, mode) and not {*key} & {*columns.names}:
        raise ConfigError(
            f"The table {name} has no key by which its rows could become a history.",
            hint=f"Set load_mode back to append, {_FULL_REFRESH}.",
            code="config.mode_switch",
            table=name,
        )
    elif becomes_history(columns, mode) and _several(tx, dialect, place, columns, key):
        raise ConfigError(
            f"The table {name} has keys with several rows, as append leaves them: a history "
            "cannot begin with those.",
            hint=f"Leave one row of each key in it, {_FULL_REFRESH}.",
            code="config.mode_switch",
            table=name,
        )


def _several(tx: Tx, dialect: Dialect, place: str, columns: pa.Schema, key: Sequence[str]) -> bool:
    keys = ", ".join(dialect.ident(name) for name in key if name in columns.names)
    query = f"SELECT 1 FROM {place} GROUP BY {keys} HAVING count(*) > 1 LIMIT 1"
    return bool(tx.rows(query))


def adopt(dialect: Dialect, place: str, columns: pa.Schema) -> str:
    """The statement that makes every row the first version of its key."""
    values = first_validity(dialect, columns)
    return f"UPDATE {place} SET {', '.join(f'{name} = {v}' for name, v in values.items())}"


def first_validity(dialect: Dialect, columns: pa.Schema) -> dict[str, str]:
    """The validity of a first version, by column, out of the row's other columns.

    Valid from its change in the source, else from when it was read; open, unless it is
    flagged as deleted: then until a millisecond before.
    """
    times = (metadata.SOURCE_MODIFIED_AT, metadata.INGESTED_AT, metadata.LOADED_AT)
    known = [_moment(dialect, columns, name) for name in times if name in columns.names]
    start = f"COALESCE({', '.join([*known, dialect.moment('0')])})"
    end, active = OPEN_END, "TRUE"
    if metadata.DELETED in columns.names:
        read = _moment(dialect, columns, metadata.INGESTED_AT)
        gone = f"GREATEST({start}, {read} - {dialect.milliseconds()})"
        end = f"CASE WHEN {DELETED} IS TRUE THEN {gone} ELSE {OPEN_END} END"
        active = f"{DELETED} IS NOT TRUE"
    return {FROM: start, TO: end, ACTIVE: active}


def _moment(dialect: Dialect, columns: pa.Schema, name: str) -> str:
    """A time of ours as a timestamp, in whichever form the table keeps it."""
    quoted = dialect.ident(name)
    return dialect.moment(quoted) if pa.types.is_integer(columns.field(name).type) else quoted
