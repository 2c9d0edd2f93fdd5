"""Query modes: what the user wrote, or what a table allows when nothing was said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pyarrow as pa

from penstock.core.errors import ConfigError
from penstock.core.spec import ObjectSettings
from penstock.sdk.sql.reading.server import Column, Table


class QueryMode(StrEnum):
    """pipelines.md 2.5."""

    FULL_LOAD = "FULL_LOAD"
    APPEND_ONLY = "UNIQUE_INCREMENTING_APPEND_ONLY"
    DELTA_TIMESTAMP = "DELTA_TIMESTAMP"
    CHANGE_DATA_CAPTURE = "CHANGE_DATA_CAPTURE"
    XMIN = "XMIN"


_CHANGED: Final = re.compile(
    r"(updated|modified|last_update|last_modified|changed).*", re.IGNORECASE
)
"""Names of columns that hold the time of the last change (pipelines.md 2.5)."""
_CURSORS: Final = {
    QueryMode.APPEND_ONLY: "the incrementing column",
    QueryMode.DELTA_TIMESTAMP: "the timestamp column",
    QueryMode.CHANGE_DATA_CAPTURE: "the timestamp column and the incrementing column",
}


@dataclass(frozen=True)
class Chosen:
    """How one table is read again after its history.

    Args:
        cursor: columns whose values move forward, the first of them alone decides what is new.
        order: cursor and key: no two rows share their values, unless `unique` is False.
        bounded: rows are read only below the server's clock, less the delay.
        automatic: nobody wrote it.
    """

    mode: QueryMode
    cursor: tuple[Column, ...] = ()
    order: tuple[Column, ...] = ()
    unique: bool = True
    bounded: bool = False
    delay_ms: int = 0
    automatic: bool = False

    @property
    def again(self) -> bool:
        """Later reads bring only what is new: not everything once more."""
        return self.mode is not QueryMode.FULL_LOAD


def choose(
    table: Table, settings: ObjectSettings, *, xmin: bool = False, allow_xmin: bool = False
) -> Chosen:
    """The mode of one table.

    Args:
        xmin: the source is in XMIN mode, which then is every table's.
        allow_xmin: a table may be set to XMIN by itself.

    Raises:
        ConfigError: what was written does not fit the table.
    """
    if settings.query_mode is None and not xmin:
        return _automatic(table, settings)
    mode = QueryMode.XMIN if xmin else QueryMode(settings.query_mode or "")
    if mode is QueryMode.XMIN and not (xmin or allow_xmin):
        raise ConfigError(
            f"{table.name} may not be read by XMIN.",
            hint="Only PostgreSQL has it, and its source has to allow it: enable_xmin: true. "
            "Each run scans the table whole; the other modes need not.",
            code="source.query_mode",
            object=table.name,
        )
    if mode in (QueryMode.FULL_LOAD, QueryMode.XMIN):
        if mode is QueryMode.XMIN and not table.versioned:
            return Chosen(QueryMode.FULL_LOAD, automatic=True)
        return Chosen(mode)
    return _by_cursor(table, mode, settings, automatic=False)


def _automatic(table: Table, settings: ObjectSettings) -> Chosen:
    """The first mode that fits (pipelines.md 2.5): never append-only, which loses updates."""
    changed = [
        column
        for column in table.columns
        if column.is_moment and not column.nullable and _CHANGED.fullmatch(column.name)
    ]
    if settings.cursor:
        mode = QueryMode.DELTA_TIMESTAMP
        column = _column(table, settings.cursor[0])
        if not column.is_moment:
            raise ConfigError(
                f"{table.name} has a cursor and no query_mode, and {column.name} is no timestamp.",
                hint="Write its query_mode: UNIQUE_INCREMENTING_APPEND_ONLY reads new rows only.",
                code="source.query_mode",
                object=table.name,
            )
        if len(settings.cursor) > 1:
            mode = QueryMode.CHANGE_DATA_CAPTURE
        return _by_cursor(table, mode, settings, automatic=False)
    if not changed or table.kind == "query":
        return Chosen(QueryMode.FULL_LOAD, automatic=True)
    key = table.columns_of(table.key)
    by_id = len(key) == 1 and key[0].is_integer
    mode = QueryMode.CHANGE_DATA_CAPTURE if by_id else QueryMode.DELTA_TIMESTAMP
    names = (changed[0].name, *((key[0].name,) if by_id else ()))
    return _with_cursor(table, mode, table.columns_of(names), settings, automatic=True)


def _by_cursor(
    table: Table, mode: QueryMode, settings: ObjectSettings, *, automatic: bool
) -> Chosen:
    names = settings.cursor or ()
    if mode is QueryMode.CHANGE_DATA_CAPTURE and len(names) == 1 and len(table.key) == 1:
        names = (*names, *table.key)
    wanted = 2 if mode is QueryMode.CHANGE_DATA_CAPTURE else 1
    if len(names) != wanted:
        raise ConfigError(
            f"{mode} of {table.name} needs {_CURSORS[mode]}.",
            hint="Write `cursor:` beside query_mode, with the name of the column"
            + ("s, the timestamp first." if wanted > 1 else "."),
            code="source.query_mode",
            object=table.name,
        )
    cursor = tuple(_column(table, name) for name in names)
    if mode is not QueryMode.APPEND_ONLY and not _is_time(cursor[0]):
        raise ConfigError(
            f"{mode} of {table.name} needs a timestamp, and {cursor[0].name} is none.",
            hint="Name a column with the time of the last change, or choose another mode.",
            code="source.query_mode",
            object=table.name,
        )
    return _with_cursor(table, mode, cursor, settings, automatic=automatic)


def _with_cursor(
    table: Table,
    mode: QueryMode,
    cursor: tuple[Column, ...],
    settings: ObjectSettings,
    *,
    automatic: bool,
) -> Chosen:
    delay = settings.delay_ms or 0
    if mode is QueryMode.APPEND_ONLY:
        return Chosen(mode, cursor, cursor, automatic=automatic)
    if mode is QueryMode.CHANGE_DATA_CAPTURE:
        return Chosen(mode, cursor, cursor, bounded=True, delay_ms=delay, automatic=automatic)
    key = tuple(item for item in table.columns_of(table.key) if item not in cursor)
    return Chosen(
        mode, cursor, (*cursor, *key), unique=bool(table.key), bounded=True, delay_ms=delay,
        automatic=automatic,
    )  # fmt: skip


def _is_time(column: Column) -> bool:
    return column.is_moment or bool(pa.types.is_date(column.type))


def _column(table: Table, name: str) -> Column:
    if found := table.column(name):
        return found
    raise ConfigError(
        f"{table.name} has no column {name!r} to use as a cursor.",
        hint=f"Its columns are: {', '.join(item.name for item in table.columns)}.",
        code="source.query_mode",
        object=table.name,
        column=name,
    )
