"""Row events of many transactions as rows, table by table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.connectors.sources.mysql.log import events as e
from penstock.connectors.sources.mysql.log.events import Bytes, Events, Ints, Mask, lenenc
from penstock.connectors.sources.mysql.log.images import Cells, Image, rows
from penstock.connectors.sources.mysql.log.tables import TableMap, table_map
from penstock.connectors.sources.mysql.log.values import Column, column, raw_bytes
from penstock.connectors.sources.mysql.types import Choices, Definition
from penstock.core.errors import ConfigError

_ID: Final = 6
_FLAGS: Final = 2
_INSERT, _UPDATE, _DELETE = b"IUD"


@dataclass(frozen=True)
class Shape:
    """A table of the pipeline.

    Args:
        definitions: of its columns in the order of the log; None for one that is not read.
        key: places of the key's columns.
    """

    definitions: tuple[Definition | None, ...]
    key: tuple[int, ...]


@dataclass(frozen=True)
class Changes:
    """n rows of one table in commit order.

    A change of the key is the D of the old one, then the I of the new.

    Args:
        ops: I, U or D of each row, as a byte.
        columns: by name.
    """

    table: TableMap
    shape: Shape
    ops: Bytes
    columns: dict[str, Column]

    @property
    def count(self) -> int:
        return len(self.ops)


ShapeOf = Callable[[TableMap], Shape | None]
"""The shape of a table as the log describes it; None when the pipeline does not read it."""


@dataclass(frozen=True)
class _Set:
    """Rows of one operation: where each stands, and its cells."""

    op: int
    places: Ints
    cells: list[Cells]


class Decoder:
    """Keeps which number stands for which table; numbers last until the server starts anew."""

    def __init__(self, shape_of: ShapeOf, choices: Choices) -> None:
        self._shape_of = shape_of
        self._choices = choices
        self._tables: dict[int, tuple[bytes, TableMap, Shape | None]] = {}

    def forget(self) -> None:
        """The catalogue has changed, or the server has started anew."""
        self._tables.clear()

    def feed(self, events: Events) -> Iterator[Changes]:
        """Changes of the tables that are read; one piece for each table.

        Raises:
            ConfigError: the log does not have whole rows.
            ValueError: the bytes are no rows.
        """
        kinds = events.kinds
        if (kinds == e.PARTIAL_UPDATE).any():
            raise _partial()
        self._learn(events.chosen(np.flatnonzero(kinds == e.TABLE_MAP)))
        is_rows = np.isin(kinds, list(e.ROWS))
        changed = events.chosen(np.flatnonzero(is_rows))
        numbers = changed.numbers(changed.starts + e.HEAD, _ID)
        for number in dict.fromkeys(numbers.tolist()):
            # The last event of a statement may stand for no table (its flag says the end alone).
            if number not in self._tables:
                continue
            _, table, shape = self._tables[number]
            if shape is not None:
                found = self._table(changed.chosen(numbers == number), table, shape)
                if found is not None:
                    yield found

    def _learn(self, maps: Events) -> None:
        numbers = maps.numbers(maps.starts + e.HEAD, _ID)
        _, first = np.unique(numbers, return_index=True)
        for at in first.tolist():
            data = maps.event(at).data
            # Time and position differ from event to event; the shape does not.
            body = data[e.HEAD :]
            known = self._tables.get(int(numbers[at]))
            if known is None or known[0] != body:
                table = table_map(data)
                self._tables[int(numbers[at])] = body, table, self._shape_of(table)

    def _table(self, events: Events, table: TableMap, shape: Shape) -> Changes | None:
        kinds = events.kinds
        sets: list[_Set] = []
        for wanted in (e.WRITES, e.UPDATES, e.DELETES):
            for kind in wanted:
                which = np.flatnonzero(kinds == kind)
                if len(which):
                    sets += self._sets(events.chosen(which), kind, table, shape)
        if not sum(len(item.places) for item in sets):
            return None
        ops = np.concatenate([np.full(len(item.places), item.op, np.uint8) for item in sets])
        order = None
        if len(sets) > 1:
            order = np.argsort(np.concatenate([item.places for item in sets]), kind="stable")
            ops = ops[order]
        columns = {}
        for i, definition in enumerate(shape.definitions):
            if definition is None:
                continue
            cells = Cells.joined([item.cells[i] for item in sets]) if order is not None else None
            cells = sets[0].cells[i] if cells is None or order is None else cells.taken(order)
            columns[definition.name] = column(events.buffer, cells, definition, self._choices)
        return Changes(table, shape, ops, columns)

    def _sets(self, events: Events, kind: int, table: TableMap, shape: Shape) -> Iterator[_Set]:
        """Rows of one kind of event; updates of the key are two sets of them."""
        buffer = events.buffer
        image, at = _header(events, kind, table)
        before = image if kind not in e.WRITES else None
        after = image if kind not in e.DELETES else None
        found = rows(buffer, at, events.ends, before, after)
        if after is None:
            yield _Set(_DELETE, found.befores, image.cells(buffer, found.befores))
            return
        new = image.cells(buffer, found.afters)
        if before is None:
            yield _Set(_INSERT, found.afters, new)
            return
        old = image.cells(buffer, found.befores)
        moved = _moved(buffer, old, new, shape.key)
        if moved is None:
            yield _Set(_UPDATE, found.afters, new)
            return
        gone, same = np.flatnonzero(moved), np.flatnonzero(~moved)
        yield _Set(_DELETE, found.befores[gone], [cells.taken(gone) for cells in old])
        yield _Set(_INSERT, found.afters[gone], [cells.taken(gone) for cells in new])
        yield _Set(_UPDATE, found.afters[same], [cells.taken(same) for cells in new])


def _header(events: Events, kind: int, table: TableMap) -> tuple[Image, Ints]:
    """The shape of the rows, and where the first row of each event begins."""
    at = events.starts + e.HEAD + _ID + _FLAGS
    if kind in e.VERSION_2:
        at = at + events.numbers(at, 2)
    start = int(at[0])
    count, after = lenenc(events.buffer[start : start + 16].tobytes(), 0)
    if count != len(table.kinds):
        raise ValueError(f"a row of {count} columns in a table of {len(table.kinds)}")
    size = (count + 7) // 8
    maps = 2 if kind in e.UPDATES else 1
    bits = events.buffer[(at + after)[:, None] + np.arange(size * maps)]
    full = np.packbits(np.ones(count, np.uint8), bitorder="little")
    if not (bits.reshape(-1, maps, size) == full).all():
        raise _not_whole(table)
    return Image.of(table.kinds, full.tobytes()), at + after + size * maps


def _moved(
    buffer: Bytes, old: Sequence[Cells], new: Sequence[Cells], key: Sequence[int]
) -> Mask | None:
    """Rows whose key is another one after the change; None when there is none."""
    if not key:
        return None
    differs = [_differ(buffer, old[i], new[i]) for i in key]
    moved: Mask = reduce(np.logical_or, differs)
    return moved if moved.any() else None


def _differ(buffer: Bytes, old: Cells, new: Cells) -> Mask:
    width = old.kind.width
    if width is not None and width <= 7 and old.null is None and new.null is None:
        same: Mask = e.numbers(buffer, old.starts, width) == e.numbers(buffer, new.starts, width)
        return ~same
    equal = pc.equal(raw_bytes(buffer, old), raw_bytes(buffer, new))
    none = pc.and_(pc.is_null(raw_bytes(buffer, old)), pc.is_null(raw_bytes(buffer, new)))
    found: Mask = ~np.asarray(pc.if_else(none, pa.scalar(True), pc.fill_null(equal, False)))
    return found


def _not_whole(table: TableMap) -> ConfigError:
    return ConfigError(
        f"The log does not have whole rows of {table.table}: binlog_row_image was not FULL.",
        hint="Let an administrator run: SET GLOBAL binlog_row_image = 'FULL'; end the sessions "
        "that began before it, then run once with --full-refresh.",
        code="source.row_image",
    )


def _partial() -> ConfigError:
    return ConfigError(
        "The log has parts of JSON documents only: binlog_row_value_options is PARTIAL_JSON.",
        hint="Let an administrator run: SET GLOBAL binlog_row_value_options = ''; end the "
        "sessions that began before it, then run once with --full-refresh.",
        code="source.row_image",
    )
