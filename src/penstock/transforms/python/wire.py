"""Batches as Arrow IPC between a worker and its sandbox process.

The columns are the fields, then for some of them where null was set, then the origin of each row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

_NO_COMPRESSION = pa.ipc.IpcWriteOptions(compression=None)


def encode(
    names: Sequence[str],
    columns: Sequence[pa.Array],
    nulls: Mapping[int, pa.Array],
    origin: pa.Array,
) -> pa.Buffer:
    """One stream with one batch."""
    fields = [pa.field(name, column.type) for name, column in zip(names, columns, strict=True)]
    marks = [pa.field(f"null {place}", pa.bool_()) for place in nulls]
    schema = pa.schema([*fields, *marks, pa.field("origin", pa.int32())])
    batch = pa.RecordBatch.from_arrays([*columns, *nulls.values(), origin], schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=_NO_COMPRESSION) as writer:
        writer.write_batch(batch)
    return sink.getvalue()
