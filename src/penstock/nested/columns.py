"""Columns of events as nodes: JSON, and lists and structs of Arrow."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import to_text
from penstock.core.convert import convert
from penstock.core.types import is_json, normal
from penstock.nested.node import Member, Node, Places
from penstock.nested.reading import Malformed, compact, read_json
from penstock.nested.seen import Seen


def is_nested(kind: pa.DataType) -> bool:
    """Whether values of the type may have parts."""
    return is_json(kind) or pa.types.is_nested(kind)


def read(array: pa.Array, seen: Seen) -> Node:
    """A column as a node.

    Raises:
        Malformed: some rows hold JSON that cannot be read.
    """
    kind = array.type
    if is_json(kind):
        return read_json(compact(array.storage), seen)
    if _is_list(kind) and seen.way.arrays:
        return _lists(array, seen)
    if pa.types.is_struct(kind) and seen.way.objects:
        return _structs(array, seen)
    if pa.types.is_nested(kind) or seen.way.as_json:
        return Node(len(array), seen.way, whole=to_text.as_json(array).storage)
    scalars = None if array.null_count == len(array) else convert(array, kind, normal(kind)).array
    return Node(len(array), seen.way, scalars)


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _valid(array: pa.Array) -> Places:
    if not array.null_count:
        return Places.every(len(array))
    return Places.of(pc.indices_nonzero(array.is_valid()).cast(pa.int64()), len(array))


def _lists(array: pa.Array, seen: Seen) -> Node:
    at = _valid(array)
    there = at.gathered(array)
    lengths = pc.list_value_length(there).cast(pa.int32())
    try:
        items = read(pc.list_flatten(there), seen.item())
    except Malformed as bad:
        parents = pc.list_parent_indices(there)
        raise _moved(bad, at.gathered(pa.arange(0, len(array))).take(parents)) from bad
    return Node(len(array), seen.way, arrays=at, lengths=lengths, items=items)


def _structs(array: pa.Array, seen: Seen) -> Node:
    at = _valid(array)
    there = at.gathered(array)
    members = {}
    for place, field in enumerate(array.type):
        try:
            node = read(pc.struct_field(there, place), seen.member(field.name))
        except Malformed as bad:
            raise _moved(bad, at.gathered(pa.arange(0, len(array)))) from bad
        members[field.name] = Member(at, node)
    return Node(len(array), seen.way, objects=at, members=members)


def _moved(bad: Malformed, rows: pa.Array) -> Malformed:
    """The same, told by rows of the column."""
    return Malformed({rows[row].as_py(): why for row, why in bad.rows.items()})
