"""Nested values as columns: one node for each place, however deep it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from penstock.nested.ways import Way


@dataclass(frozen=True)
class Member:
    """Values of one name.

    Args:
        at: for each value the slot of the object's node that it belongs to, rising.
        node: the values.
    """

    at: Places
    node: Node


@dataclass(frozen=True)
class Node:
    """n slots, each with a scalar, a whole container, an opened object or array, or null.

    Args:
        way: what was done here.
        scalars: length n, typed by the values; None when there are none.
        whole: length n, containers as JSON text; with `way.as_json` all values.
        objects: slots with an opened object.
        members: of opened objects, in order of first appearance.
        arrays: slots with an opened array.
        lengths: int32, items of each opened array.
        items: of all opened arrays, one after the other.
    """

    size: int
    way: Way
    scalars: pa.Array | None = None
    whole: pa.StringArray | None = None
    objects: Places | None = None
    members: Mapping[str, Member] = field(default_factory=dict)
    arrays: Places | None = None
    lengths: pa.Array | None = None
    items: Node | None = None


@dataclass(frozen=True)
class Places:
    """Which of n slots some values belong to.

    Args:
        rows: int64, rising; None when each slot has a value.
        total: n.
    """

    rows: pa.Array | None
    total: int

    @classmethod
    def every(cls, total: int) -> Places:
        return cls(None, total)

    @classmethod
    def of(cls, rows: pa.Array, total: int) -> Places:
        return cls(None if len(rows) == total else rows, total)

    @cached_property
    def _back(self) -> pa.Array:
        """For each slot the place of its value, or null."""
        assert self.rows is not None
        return pc.inverse_permutation(self.rows, max_index=self.total - 1)

    def spread(self, values: pa.Array) -> pa.Array:
        """One value for each slot, null where there is none."""
        return values if self.rows is None else values.take(self._back)

    def gathered(self, slots: pa.Array) -> pa.Array:
        """Of an array over the slots the elements of those with a value."""
        return slots if self.rows is None else slots.take(self.rows)

    def inner(self, at: Places) -> Places:
        """The places of values that belong to some of ours."""
        if at.rows is None:
            return self
        return Places(at.rows if self.rows is None else self.rows.take(at.rows), self.total)

    @cached_property
    def mask(self) -> pa.BooleanArray:
        """Length n: whether the slot has a value."""
        if self.rows is None:
            return pa.repeat(pa.scalar(True), self.total)
        return self._back.is_valid()
