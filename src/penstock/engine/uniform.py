"""Bring the files of a package to one schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core.convert import convert
from penstock.core.mapping import Mapping
from penstock.engine.files import write_whole


def make_uniform(files: Sequence[Path], mapping: Mapping) -> None:
    """Bring files written before a column appeared or widened to one common schema.

    Nothing but schemas is read when all files agree, which is nearly always.
    """
    schemas = [pq.read_schema(file) for file in files]
    if not schemas:
        return
    types = {column.name: column.type for column in mapping.columns}
    present = {name for schema in schemas for name in schema.names}
    fields = [types[name] for name in types if name in present]
    fields += [field for field in schemas[-1] if field.name not in types]
    wanted = pa.schema(fields)
    for file, schema in zip(files, schemas, strict=True):
        if schema.equals(wanted):
            continue
        _rewrite(file, wanted)


def _rewrite(file: Path, wanted: pa.Schema) -> None:
    with pq.ParquetFile(file) as old:
        table = old.read().combine_chunks()
    arrays = []
    for field in wanted:
        at = table.schema.get_field_index(field.name)
        if at < 0:
            arrays.append(pa.nulls(table.num_rows, field.type))
            continue
        column = table.column(at)
        array = column.chunk(0) if column.num_chunks else pa.nulls(0, column.type)
        arrays.append(convert(array, table.schema.field(at), field).array)
    write_whole(pa.Table.from_arrays(arrays, schema=wanted), file)
