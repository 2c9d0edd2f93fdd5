"""Inserts, updates and deletes of one relation as rows in commit order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.connectors.sources.postgres.log.fields import Relation
from penstock.connectors.sources.postgres.log.messages import (
    DELETE,
    INSERT,
    UPDATE,
    Bytes,
    Ints,
    Mask,
    Messages,
)
from penstock.connectors.sources.postgres.log.tuples import (
    BINARY,
    UNCHANGED,
    Cells,
    values,
    walk,
)

_NEW: Final = ord("N")
_MARK: Final = 5
"""Kind and relation before the letter that says which row follows: N(ew), O(ld) or K(ey)."""


@dataclass(frozen=True)
class Changes:
    """n rows of one relation; a change of the key is the D of the old one, then the I of the new.

    Args:
        ops: I, U or D of each row, as a byte.
        raw: one array per column: utf8, or binary where the server sent binary values.
        left_out: per column the rows whose value the log did not repeat (unchanged TOAST), None
            where there is none; the value itself is null.
        rekeyed: rows that are the I of a changed key: their left-out values were stored under
            another key.
        binary: columns whose values are in the server's binary form.
        numbers: of the transactions that made the changes, 32 bits; None where not asked for.
    """

    relation: Relation
    ops: Bytes
    raw: tuple[pa.Array, ...]
    left_out: tuple[Mask | None, ...]
    rekeyed: Mask
    binary: tuple[bool, ...]
    numbers: Ints | None = None

    def chosen(self, rows: Mask) -> Changes:
        """Some of the rows."""
        taken = pa.array(rows)
        return replace(
            self,
            ops=self.ops[rows],
            raw=tuple(array.filter(taken) for array in self.raw),
            left_out=tuple(None if mask is None else mask[rows] for mask in self.left_out),
            rekeyed=self.rekeyed[rows],
            numbers=None if self.numbers is None else self.numbers[rows],
        )

    @property
    def count(self) -> int:
        return len(self.ops)


@dataclass(frozen=True)
class _Olds:
    """The old rows (or keys) that came with some messages: `which` are places among the changes."""

    which: Ints
    at: Ints
    cells: list[Cells]
    ends: Ints


def read_changes(
    messages: Messages,
    relation: Relation,
    key: Sequence[int],
    shift: int = 0,
    numbers: Ints | None = None,
) -> Changes:
    """Rows of messages that are all inserts, updates and deletes of this relation.

    Args:
        key: places of the columns that are the key; a change of them makes two rows. Empty for
            tables without one.
        shift: 4 inside a streamed transaction, whose messages carry its number.
        numbers: of the transactions that the messages belong to.

    Raises:
        ValueError: the bytes are not rows of this relation.
    """
    kinds = messages.kinds
    marks = messages.starts + _MARK + shift
    olds = _olds(messages, marks, relation)
    # Where the row that counts begins: the new one, or the old one of a delete.
    at = marks + 1
    updated = kinds[olds.which] == UPDATE
    if (messages.buffer[olds.ends[updated]] != _NEW).any():
        raise ValueError("an update without its new row")
    at[olds.which[updated]] = olds.ends[updated] + 1
    cells, _ends = walk(messages, at, len(relation.columns))
    rows = _Rows(messages, kinds.copy(), at, cells, np.zeros(len(kinds), bool), numbers)
    moved = _moved(messages, olds, updated, cells, key)
    filled = _fills(messages, olds, updated, cells)
    return _build(relation, rows, olds, moved, filled)


@dataclass(frozen=True)
class _Rows:
    messages: Messages
    ops: Bytes
    at: Ints
    cells: list[Cells]
    rekeyed: Mask
    numbers: Ints | None


def _olds(messages: Messages, marks: Ints, relation: Relation) -> _Olds:
    which = np.flatnonzero(messages.buffer[marks] != _NEW)
    at = marks[which] + 1
    cells, ends = walk(messages, at, len(relation.columns))
    return _Olds(which, at, cells, ends)


def _moved(
    messages: Messages, olds: _Olds, updated: Mask, cells: list[Cells], key: Sequence[int]
) -> Ints:
    """Places among the old rows whose key is another one in the new row."""
    rows = np.flatnonzero(updated)
    if not len(rows) or not key:
        return np.zeros(0, np.int64)
    differs = [
        _differ(messages, olds.cells[i].chosen(rows), cells[i].chosen(olds.which[rows]))
        for i in key
    ]
    moved: Ints = rows[reduce(np.logical_or, differs)]
    return moved


def _differ(messages: Messages, old: Cells, new: Cells) -> Mask:
    """Which values are not the same; one that the log left out is."""
    same = pc.equal(values(messages, old, pa.binary()), values(messages, new, pa.binary()))
    equal: Mask = np.asarray(pc.fill_null(same, False))
    differ: Mask = old.present & (new.kinds != UNCHANGED) & ~equal
    return differ


def _fills(
    messages: Messages, olds: _Olds, updated: Mask, cells: list[Cells]
) -> dict[int, tuple[Ints, pa.Array]]:
    """Values that the new row left out and the old row has: by column the rows, and the values."""
    filled = {}
    rows = np.flatnonzero(updated)
    if len(rows):
        for i, cell in enumerate(cells):
            old = olds.cells[i].chosen(rows)
            there = (cell.kinds[olds.which[rows]] == UNCHANGED) & old.present
            if there.any():
                filled[i] = olds.which[rows[there]], values(messages, old.chosen(there))
    return filled


def _build(
    relation: Relation,
    rows: _Rows,
    olds: _Olds,
    moved: Ints,
    filled: dict[int, tuple[Ints, pa.Array]],
) -> Changes:
    """Put the deletes of old keys between the other rows, in the order of the buffer."""
    order = None
    if len(moved):
        rows.ops[olds.which[moved]] = INSERT
        rows.rekeyed[olds.which[moved]] = True
        order = np.argsort(np.concatenate([rows.at, olds.at[moved]]), kind="stable")
    raw, masks, binary = [], [], []
    for i in range(len(relation.columns)):
        cells, column_fill = rows.cells[i], filled.get(i)
        if order is not None:
            cells = _merged(cells, olds.cells[i].chosen(moved), order)
        array, mask = _column(rows.messages, cells, column_fill, order)
        raw.append(array)
        masks.append(mask if mask.any() else None)
        binary.append(bool((cells.kinds == BINARY).any()))
    extra = len(moved)
    ops = np.concatenate([rows.ops, np.full(extra, DELETE, np.uint8)])
    rekeyed = np.concatenate([rows.rekeyed, np.zeros(extra, bool)])
    numbers = rows.numbers
    if order is not None:
        ops, rekeyed = ops[order], rekeyed[order]
        if numbers is not None:
            numbers = np.concatenate([numbers, numbers[olds.which[moved]]])[order]
    return Changes(relation, ops, tuple(raw), tuple(masks), rekeyed, tuple(binary), numbers)


def _merged(one: Cells, other: Cells, order: Ints) -> Cells:
    return Cells(
        np.concatenate([one.kinds, other.kinds])[order],
        np.concatenate([one.starts, other.starts])[order],
        np.concatenate([one.ends, other.ends])[order],
    )


def _column(
    messages: Messages, cells: Cells, fill: tuple[Ints, pa.Array] | None, order: Ints | None
) -> tuple[pa.Array, Mask]:
    """One column's values, and the rows for which the log has none."""
    binary = bool((cells.kinds == BINARY).any())
    array = values(messages, cells, pa.binary() if binary else pa.utf8())
    left_out = cells.kinds == UNCHANGED
    if fill is None:
        return array, left_out
    places, found = fill
    if order is not None:
        places = np.argsort(order)[places]
    mask = np.zeros(len(left_out), bool)
    mask[places] = True
    array = pc.replace_with_mask(array, pa.array(mask), found.cast(array.type))
    return array, left_out & ~mask
