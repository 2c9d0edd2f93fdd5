"""Types that hold the values of two, records and lists included."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import to_text
from penstock.core.convert import convert
from penstock.core.widen import widen


def wider(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    """As `core.widen`, but records keep the members of both, and lists their items.

    What is a record or a list in one and something else in the other becomes text.
    """
    if left == right or pa.types.is_null(right):
        return left
    if pa.types.is_null(left):
        return right
    if pa.types.is_struct(left) and pa.types.is_struct(right):
        return _records(left, right)
    if pa.types.is_list(left) and pa.types.is_list(right):
        return pa.list_(wider(left.value_type, right.value_type))
    if pa.types.is_struct(left) or pa.types.is_struct(right):
        return pa.string()
    return widen(left, right)


def _records(left: pa.StructType, right: pa.StructType) -> pa.DataType:
    fields = {field.name: field.type for field in left}
    for field in right:
        fields[field.name] = wider(fields.get(field.name, pa.null()), field.type)
    return pa.struct(list(fields.items()))


def cast(array: pa.Array, target: pa.DataType) -> pa.Array:
    """The array under a type that `wider` gave for its own."""
    if array.type == target:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), target)
    if pa.types.is_struct(target):
        return _struct(array, target)
    if pa.types.is_list(target):
        return _list(array, target)
    if pa.types.is_struct(array.type):
        return to_text.as_json(array).storage
    return convert(array, array.type, target).array


def _struct(array: pa.StructArray, target: pa.StructType) -> pa.Array:
    columns = []
    for field in target:
        at = array.type.get_field_index(field.name)
        values = pc.struct_field(array, at) if at >= 0 else pa.nulls(len(array))
        columns.append(cast(values, field.type))
    return pa.StructArray.from_arrays(columns, fields=list(target), mask=array.is_null())


def _list(array: pa.ListArray, target: pa.ListType) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    items = cast(pc.list_flatten(array), target.value_type)
    return pa.ListArray.from_arrays(offsets, items, type=target, mask=array.is_null())
