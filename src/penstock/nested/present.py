"""Which children the newest versions of events have, over all batches of a load package."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.metadata import ARRAY_INDEX, REF_ID
from penstock.nested.rows import batch
from penstock.nested.shaped import Children, Shaped
from penstock.nested.table import repeated

VERSION = "_ps_version"
"""Counts the events of a package: the version of its root that a child belongs to."""


def present(
    shaped: Shaped, first: int, left_out: Mapping[str, pa.Array] | None = None
) -> dict[str, pa.RecordBatch]:
    """Of one batch, by child event type: the children that are there, and their roots.

    Args:
        first: version of the first event; greater than those of earlier batches of the package.
        left_out: of fields that a log left out of some rows (before the shaping), where; such
            a row says nothing of the children in the field.

    Returns:
        Rows of key and version. Each root that came has a row more, without an index.
    """
    if shaped.refs is None:
        return {}
    rows = {made.name: made.rows for made in shaped.outputs[1:]}
    versions = pa.arange(first, first + len(shaped.refs))
    found = {}
    for told in shaped.children:
        known = shaped.refs.is_valid()
        if left_out is not None and told.field in left_out:
            known = pc.and_(known, pc.invert(left_out[told.field]))
        roots = _keys(shaped.refs.filter(known), None, versions.filter(known))
        children = _children(told, rows.get(told.event_type), versions)
        found[told.event_type] = pa.concat_batches([children, _like(roots, children.schema)])
    return found


def _children(told: Children, rows: pa.RecordBatch | None, versions: pa.Array) -> pa.RecordBatch:
    if rows is None:
        none = pa.array([], pa.string())
        return _keys(none, none, pa.array([], pa.int64()))
    of = versions.take(repeated(told.counts))
    return _keys(rows.column(REF_ID), rows.column(ARRAY_INDEX), of)


def _keys(refs: pa.Array, index: pa.Array | None, versions: pa.Array) -> pa.RecordBatch:
    index = pa.nulls(len(refs), pa.string()) if index is None else index
    return batch({REF_ID: refs, ARRAY_INDEX: index, VERSION: versions}, len(refs))


def _like(roots: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Roots have no index, whatever its type is."""
    return roots.cast(schema)


def newest(rows: pa.Table) -> pa.Table:
    """What is there after all batches of a package: the key files of a `core.load.Sweep`.

    Args:
        rows: what `present` gave for one child event type, of all batches.

    Returns:
        Keys of the children of the newest version of each root, and each root without an index.
    """
    last = rows.group_by(REF_ID, use_threads=False).aggregate([(VERSION, "max")])
    last = last.rename_columns([REF_ID, VERSION])
    keys = rows.join(last, [REF_ID, VERSION], join_type="left semi", use_threads=False)
    return keys.select([REF_ID, ARRAY_INDEX]).combine_chunks()
