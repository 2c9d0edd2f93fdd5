"""Which children the newest versions of events have, over all batches of a load package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.metadata import ARRAY_INDEX, REF_ID
from penstock.nested.shaped import Children, Shaped
from penstock.nested.table import repeated

_VERSION = "version"


@dataclass
class _Seen:
    """Of one child event type: versions of roots, and children with the version they are of."""

    roots: list[pa.Table] = field(default_factory=list)
    children: list[pa.Table] = field(default_factory=list)


class Present:
    """Gathers what batches tell of children, in order, and says what is there in the end."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._rows = 0

    def add(self, shaped: Shaped, left_out: Mapping[str, pa.Array] | None = None) -> None:
        """One batch.

        Args:
            left_out: of fields that a log left out of some rows (before the shaping), where; such
                a row says nothing of the children in the field.
        """
        if shaped.refs is None:
            return
        total = len(shaped.refs)
        rows = {made.name: made.rows for made in shaped.outputs[1:]}
        versions = pa.arange(self._rows, self._rows + total)
        self._rows += total
        for told in shaped.children:
            out = (left_out or {}).get(told.field)
            known = shaped.refs.is_valid()
            if out is not None:
                known = pc.and_(known, pc.invert(out))
            self._add(told, shaped.refs, versions, known, rows.get(told.event_type))

    def _add(
        self,
        told: Children,
        refs: pa.Array,
        versions: pa.Array,
        known: pa.Array,
        rows: pa.RecordBatch | None,
    ) -> None:
        seen = self._seen.setdefault(told.event_type, _Seen())
        roots = pa.table({REF_ID: refs, _VERSION: versions})
        seen.roots.append(roots.filter(known))
        if rows is not None:
            keys = {name: rows.column(name) for name in (REF_ID, ARRAY_INDEX)}
            seen.children.append(pa.table({**keys, _VERSION: versions.take(repeated(told.counts))}))

    def keys(self) -> dict[str, pa.Table]:
        """By child event type the keys of all children that are there, for `core.load.Sweep`.

        Each root that came has a row more, without an index. What is stored of these roots and
        is not among the keys is gone.
        """
        return {name: _keys(seen) for name, seen in self._seen.items()}


def _keys(seen: _Seen) -> pa.Table:
    newest = (
        pa.concat_tables(seen.roots)
        .group_by(REF_ID, use_threads=False)
        .aggregate([(_VERSION, "max")])
    )
    newest = newest.rename_columns([REF_ID, _VERSION])
    roots = newest.select([REF_ID])
    if not seen.children:
        return roots.append_column(ARRAY_INDEX, pa.nulls(roots.num_rows, pa.string()))
    children = pa.concat_tables(seen.children, promote_options="permissive")
    there = children.join(newest, [REF_ID, _VERSION], join_type="left semi", use_threads=False)
    return pa.concat_tables(
        [there.select([REF_ID, ARRAY_INDEX]), roots], promote_options="default"
    ).combine_chunks()
