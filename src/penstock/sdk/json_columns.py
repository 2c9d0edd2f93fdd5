"""API pages to Arrow: typed columns in the order of declaration, then of appearance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, groupby
from typing import Any

import pyarrow as pa
from msgspec.structs import astuple

from penstock.core.stream import RowId
from penstock.core.widen import widen
from penstock.sdk.json_arrays import declared, undeclared
from penstock.sdk.json_kinds import FieldSpec
from penstock.sdk.json_pages import MAX_ROW_BYTES, Page, PageReader, Row


class JsonColumns:
    """Reads the pages of one stream: `decode` each body, `to_arrow` some thousand rows at once.

    Rows of several pages may go into one call: 1,000 to 2,000 rows are cheapest. With fewer
    the calls cost more than the rows, with more the values leave the processor's cache.
    Cut batches at one gigabyte of bodies: an Arrow text column holds two.

    Args:
        fields: declared fields; their columns always exist.
        drop: members that are skipped without being built, e.g. links.
        envelope: member of the body that holds the rows.
        infer_dates: look for dates and times in text of undeclared fields.
        id_field: member that names a row when it is too large to load.
        max_row_bytes: larger rows are not loaded but reported.
        row_id: pages give generated ids of their rows, made so.
    """

    def __init__(
        self,
        fields: Sequence[FieldSpec],
        drop: frozenset[str] = frozenset(),
        *,
        envelope: str,
        infer_dates: bool = True,
        id_field: str = "id",
        max_row_bytes: int = MAX_ROW_BYTES,
        row_id: RowId | None = None,
    ) -> None:
        self._declared = {spec.name: spec.kind for spec in fields if spec.name not in drop}
        self._infer_dates = infer_dates
        self._pages = PageReader(
            envelope, drop, id_field=id_field, max_row_bytes=max_row_bytes, row_id=row_id
        )
        self._seen: dict[str, pa.DataType] = {}
        """Undeclared fields that have had a value, with the widest type so far."""

    def decode(self, body: bytes) -> Page:
        """The rows of one body and what came with them; see `PageReader.decode` for errors."""
        return self._pages.decode(body)

    def values(self, rows: Sequence[Row], member: str) -> list[Any]:
        """One member of each row as plain objects, None where a row lacks it."""
        return self._pages.values(rows, member)

    def to_arrow(self, rows: Sequence[Row]) -> pa.RecordBatch:
        """The rows as typed columns. Never fails on a value and never changes one.

        Undeclared fields that have been null so far have no column; a later batch without
        values repeats the type that the field had.
        """
        columns = self._columns(rows)
        arrays = {
            name: declared(columns.get(name) or [None] * len(rows), kind)
            for name, kind in self._declared.items()
        }
        for name in self._pages.members:
            if name not in self._declared:
                array = self._undeclared(name, columns.get(name) or [None] * len(rows))
                if array is not None:
                    arrays[name] = array
        return _record_batch(arrays, len(rows))

    def _columns(self, rows: Sequence[Row]) -> dict[str, Sequence[Any]]:
        """Rows turned into columns; rows from before a new member are null in it."""
        blocks = [(self._pages.names(k), list(block)) for k, block in groupby(rows, type)]
        turned = [dict(zip(names, _turned(block), strict=True)) for names, block in blocks]
        if len(turned) == 1:
            return turned[0]
        return {
            name: list(
                chain.from_iterable(
                    columns.get(name) or [None] * len(block)
                    for columns, (_, block) in zip(turned, blocks, strict=True)
                )
            )
            for name in dict.fromkeys(chain.from_iterable(turned))
        }

    def _undeclared(self, name: str, values: Sequence[Any]) -> pa.Array | None:
        array = undeclared(values, dates=self._infer_dates)
        known = self._seen.get(name)
        if array.type == pa.null():
            return None if known is None else pa.nulls(len(values), known)
        self._seen[name] = array.type if known is None else widen(known, array.type)
        return array


def _turned(rows: Iterable[Row]) -> Iterable[Sequence[Any]]:
    return zip(*map(astuple, rows), strict=True)


def _record_batch(arrays: dict[str, pa.Array], count: int) -> pa.RecordBatch:
    if arrays:
        return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
    # A batch without columns still has a number of rows.
    return pa.RecordBatch.from_struct_array(pa.array([{}] * count, pa.struct([])))
