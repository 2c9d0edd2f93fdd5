"""Change rows as the engine wants them (`core.batch.Batch`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from penstock.core import metadata


def ops_column(letters: bytes) -> pa.Array:
    """`_ps_op` of n rows, from n bytes: I, U or D each."""
    count = len(letters)
    offsets = pa.array(range(count + 1), pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.utf8(), count, [None, offsets, pa.py_buffer(letters)])


def change_rows(
    names: Sequence[str],
    arrays: Sequence[pa.Array],
    ops: pa.Array,
    left_out: Mapping[str, pa.Array],
) -> pa.RecordBatch:
    """The fields of n changes, with `_ps_op` and, where a value was left out, `_ps_left_out`.

    Args:
        left_out: by field, true where the log has no value (which then is null).
    """
    fields = [pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)]
    columns = [*arrays, ops]
    fields.append(pa.field(metadata.OP, pa.utf8()))
    if left_out:
        masks = pa.StructArray.from_arrays(list(left_out.values()), list(left_out))
        columns.append(masks)
        fields.append(pa.field(metadata.LEFT_OUT, masks.type))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
