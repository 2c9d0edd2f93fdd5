"""FLATTEN_SPLIT: objects unfold into fields, arrays leave as child events (pipelines.md 8.3)."""

from __future__ import annotations

from penstock.core.types import json_array
from penstock.nested import structs
from penstock.nested.names import VALUE
from penstock.nested.node import Node, Places
from penstock.nested.settings import STRUCTS
from penstock.nested.table import Table
from penstock.nested.ways import ITEM, Steps

Children = dict[Steps, Table]
"""Tables of children by the way to their array, parents before children."""


def split(node: Node, path: Steps, at: Places, table: Table, children: Children) -> None:
    """Put the values of a place into the table, and what is in arrays into others.

    Args:
        node: the values; `at` tells the rows of the table that they belong to.
        path: the way from the event.
    """
    _Split(table, children, ()).put(node, path, at)


class _Split:
    """Fills one table, and makes those below it.

    Args:
        base: the way to the table's own array, with the step into it; empty for the events.
    """

    def __init__(self, table: Table, children: Children, base: Steps) -> None:
        self._table = table
        self._children = children
        self._base = base

    def put(self, node: Node, path: Steps, at: Places) -> None:
        # An item is an object with members, or has one value: what a member `value` would be.
        field = path[len(self._base) :] or (VALUE,)
        if node.way.strategy in STRUCTS:
            array = structs.array(node)
            if array is not None:
                self._table.put(field, array, at)
            return
        if node.scalars is not None:
            self._table.put(field, node.scalars, at)
        if node.whole is not None:
            whole = json_array(node.whole) if node.way.as_json else node.whole
            self._table.put(field, whole, at)
        if node.objects is not None:
            self._members(node, path, at)
        if node.arrays is not None:
            self._array(node, path, at)

    def _members(self, node: Node, path: Steps, at: Places) -> None:
        inner: dict[int, Places] = {}
        for name, member in node.members.items():
            if id(member.at) not in inner:
                inner[id(member.at)] = at.inner(member.at)
            self.put(member.node, (*path, name), inner[id(member.at)])

    def _array(self, node: Node, path: Steps, at: Places) -> None:
        assert node.arrays is not None
        items = node.items
        if items is None or not items.size:
            return
        table = self._table.below(at.inner(node.arrays), node.lengths)
        self._children[path] = table
        deeper = (*path, ITEM)
        _Split(table, self._children, deeper).put(items, deeper, Places.every(table.rows))
