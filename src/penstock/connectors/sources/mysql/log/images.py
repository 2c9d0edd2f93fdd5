"""Rows in row events: where each begins, and where each of its values stands.

All rows of one shape are walked at once: one step of numpy for each column, none for a row.
https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Rows__event.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from penstock.connectors.sources.mysql.log.events import Bytes, Ints, Mask, numbers
from penstock.connectors.sources.mysql.log.tables import Kind


@dataclass(frozen=True)
class Image:
    """The shape of a row: the columns that the log has of it, in order."""

    columns: tuple[int, ...]
    kinds: tuple[Kind, ...]

    @staticmethod
    def of(kinds: Sequence[Kind], present: bytes) -> Image:
        """From the bitmap of the columns that are present."""
        columns = [i for i in range(len(kinds)) if present[i // 8] >> (i % 8) & 1]
        return Image(tuple(columns), tuple(kinds[i] for i in columns))

    @property
    def bitmap_bytes(self) -> int:
        return (len(self.columns) + 7) // 8

    @cached_property
    def runs(self) -> list[tuple[slice, Bytes] | int]:
        """Columns to step over: those of a fixed width together, the others one by one."""
        found: list[tuple[slice, Bytes] | int] = []
        widths: list[int] = []
        for i, kind in enumerate(self.kinds):
            if kind.width is not None:
                widths.append(kind.width)
                continue
            if widths:
                found.append((slice(i - len(widths), i), np.array(widths, np.uint8)))
                widths = []
            found.append(i)
        if widths:
            end = len(self.kinds)
            found.append((slice(end - len(widths), end), np.array(widths, np.uint8)))
        return found

    def nulls(self, buffer: Bytes, starts: Ints) -> Mask | None:
        """n x columns, true where the value is NULL; None when there is no NULL."""
        size = self.bitmap_bytes
        bits = buffer[starts[:, None] + np.arange(size)]
        if not bits.any():
            return None
        every = np.unpackbits(bits, axis=1, bitorder="little", count=len(self.columns))
        return every.view(np.bool_)

    def ends(self, buffer: Bytes, starts: Ints) -> Ints:
        """Where each row ends."""
        nulls = self.nulls(buffer, starts)
        at = starts + self.bitmap_bytes
        for run in self.runs:
            if isinstance(run, int):
                size, step = self.kinds[run].length_bytes, numbers
                length = step(buffer, at, size) + size
                at = at + (length if nulls is None else np.where(nulls[:, run], 0, length))
            else:
                columns, widths = run
                if nulls is None:
                    at = at + int(widths.sum())
                else:
                    at = at + (~nulls[:, columns]) @ widths.astype(np.int64)
        return at

    def cells(self, buffer: Bytes, starts: Ints) -> list[Cells]:
        """Where the values of each column stand, column by column."""
        nulls = self.nulls(buffer, starts)
        at = starts + self.bitmap_bytes
        found = []
        for i, kind in enumerate(self.kinds):
            null = None if nulls is None or not nulls[:, i].any() else nulls[:, i]
            width = kind.width
            if width is None:
                size = kind.length_bytes
                length = numbers(buffer, at, size)
                place = at + size
                step = length + size
            else:
                length = np.full(len(at), width, np.int64)
                place, step = at, length
            if null is not None:
                length, step = np.where(null, 0, length), np.where(null, 0, step)
            found.append(Cells(kind, place, length, null))
            at = at + step
        return found


@dataclass(frozen=True)
class Cells:
    """The values of one column: where they stand, and how long they are.

    Args:
        null: true where there is none; the place then is where it would be. None: all are there.
    """

    kind: Kind
    starts: Ints
    sizes: Ints
    null: Mask | None

    def taken(self, order: Ints) -> Cells:
        null = None if self.null is None else self.null[order]
        return Cells(self.kind, self.starts[order], self.sizes[order], null)

    @staticmethod
    def joined(parts: Sequence[Cells]) -> Cells:
        null = None
        if any(part.null is not None for part in parts):
            none = [
                np.zeros(len(part.starts), np.bool_) if part.null is None else part.null
                for part in parts
            ]
            null = np.concatenate(none)
        return Cells(
            parts[0].kind,
            np.concatenate([part.starts for part in parts]),
            np.concatenate([part.sizes for part in parts]),
            null,
        )


@dataclass(frozen=True)
class Found:
    """Rows of some events: `events` are their numbers, in the order of the log."""

    events: Ints
    befores: Ints
    afters: Ints


def rows(
    buffer: Bytes, starts: Ints, ends: Ints, before: Image | None, after: Image | None
) -> Found:
    """The rows of events of one shape.

    Args:
        starts: of the first row in each event.
        before, after: shape of a row before and after the change; an insert has no row before,
            a delete none after. Places of an image that is not there are those of the other.

    Raises:
        ValueError: the rows do not fill their event.
    """
    number = np.arange(len(starts))
    at = starts
    number, at = number[at < ends], at[at < ends]
    found: list[tuple[Ints, Ints, Ints]] = []
    while len(number):
        middle = before.ends(buffer, at) if before else at
        stop = after.ends(buffer, middle) if after else middle
        if (stop <= at).any() or (stop > ends[number]).any():
            raise ValueError("a row that is longer than its event")
        found.append((number, at, middle if after else at))
        more = stop < ends[number]
        number, at = number[more], stop[more]
    if not found:
        empty = np.zeros(0, np.int64)
        return Found(empty, empty, empty)
    events, befores, afters = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if len(found) > 1:
        order = np.argsort(befores, kind="stable")
        events, befores, afters = events[order], befores[order], afters[order]
    return Found(events, befores, afters)
