"""Opened objects and arrays as structs and lists of Arrow."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.types import json_array
from penstock.nested.node import Node
from penstock.nested.table import one_of


def array(node: Node) -> pa.Array | None:
    """The values of a place as one column; None when nothing is known of them but null.

    A record needs a known member: objects that never had one give no column.
    """
    columns = []
    if node.scalars is not None:
        columns.append(node.scalars)
    if node.whole is not None:
        columns.append(json_array(node.whole) if node.way.as_json else node.whole)
    if node.objects is not None and (records := _records(node)) is not None:
        columns.append(records)
    if node.arrays is not None and (lists := _lists(node)) is not None:
        columns.append(lists)
    return one_of(columns) if columns else None


def _records(node: Node) -> pa.Array | None:
    assert node.objects is not None
    members = {
        name: member.at.spread(values)
        for name, member in node.members.items()
        if (values := array(member.node)) is not None and values.null_count < len(values)
    }
    if not members:
        return None
    gone = pc.invert(node.objects.mask) if node.objects.rows is not None else None
    return pa.StructArray.from_arrays(list(members.values()), names=list(members), mask=gone)


def _lists(node: Node) -> pa.Array | None:
    """Lists without their nulls, which the engines that have such columns cannot hold."""
    assert node.arrays is not None
    values = array(node.items) if node.items is not None else None
    if values is None:
        return None
    lengths = node.arrays.spread(_without_nulls(node.lengths, values))
    ends = pc.cumulative_sum(pc.fill_null(lengths, 0))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    gone = pc.invert(node.arrays.mask) if node.arrays.rows is not None else None
    return pa.ListArray.from_arrays(offsets, values.drop_null(), mask=gone)


def _without_nulls(lengths: pa.Array, values: pa.Array) -> pa.Array:
    if not values.null_count:
        return lengths
    ends = pc.cumulative_sum(lengths)
    nulls = pc.cumulative_sum(values.is_null().cast(pa.int32()))
    before = pa.concat_arrays([pa.array([0], pa.int32()), nulls])
    up_to = before.take(ends)
    starts = pa.concat_arrays([pa.array([0], pa.int32()), up_to[:-1]])
    return pc.subtract(lengths, pc.subtract(up_to, starts))
