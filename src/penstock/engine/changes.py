"""What rows of a change log say beside their values: the operation, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import metadata
from penstock.core.batch import PER_ROW, Batch
from penstock.core.errors import InternalError
from penstock.core.mapping import Column
from penstock.core.metadata import LEFT_OUT_BITS, left_out_column

_OURS = (metadata.OP, metadata.LEFT_OUT)


@dataclass(frozen=True)
class Changes:
    """Of the n rows of one batch.

    Args:
        op: I U D R per row (string, length n).
        left_out: a struct of booleans by field, None when every row has all its values.
    """

    op: pa.Array
    left_out: pa.StructArray | None = None

    def fields_left_out(self, index: int) -> list[str]:
        if self.left_out is None:
            return []
        return [name for name, out in self.left_out[index].as_py().items() if out]


def parted(batch: Batch) -> tuple[Batch, Changes]:
    """The batch with nothing but the source's fields in its rows, and what the others said."""
    rows = batch.rows
    assert rows is not None
    if batch.op != PER_ROW:
        return batch, Changes(pa.repeat(pa.scalar(batch.op, pa.string()), rows.num_rows))
    at = rows.schema.get_field_index(metadata.OP)
    if at < 0:
        raise InternalError(
            "Rows of a log came without their operation.",
            hint="Please report this with the log file.",
            code="internal.log_rows",
            object=batch.stream,
        )
    masks = rows.schema.get_field_index(metadata.LEFT_OUT)
    changes = Changes(rows.column(at), rows.column(masks) if masks >= 0 else None)
    names = [name for name in rows.schema.names if name not in _OURS]
    return replace(batch, rows=rows.select(names)), changes


def without_deletes(batch: Batch) -> Batch:
    """The batch as if the source had told of no delete; they count as filtered."""
    if batch.rows is None:
        return batch
    if batch.op == PER_ROW:
        kept = pc.not_equal(batch.rows.column(metadata.OP), "D")
    else:
        kept = pa.repeat(pa.scalar(batch.op != "D"), batch.rows.num_rows)
    rows = batch.rows.filter(kept)
    gone = batch.rows.num_rows - rows.num_rows
    if not gone:
        return batch
    return replace(
        batch,
        rows=rows,
        hints=batch.hints.filter(kept) if batch.hints is not None else None,
        row_ids=batch.row_ids.filter(kept) if batch.row_ids is not None else None,
        counts={**batch.counts, "filtered": batch.counts.get("filtered", 0) + gone},
    )


class Masks:
    """Packs what was left out into the mask columns of staged files.

    A mask that was needed once is written from then on, so that files do not change their
    schema with every batch.
    """

    def __init__(self) -> None:
        self._words: set[int] = set()

    def columns(
        self, changes: Changes, mapped: Sequence[Column], n: int
    ) -> list[tuple[pa.Field, pa.Array]]:
        """Mask columns of a batch; bit i is the i-th of the mapped columns."""
        words: dict[int, pa.Array] = {}
        if changes.left_out is not None:
            places = {column.field: at for at, column in enumerate(mapped)}
            for field, out in zip(changes.left_out.type, changes.left_out.flatten(), strict=True):
                place = places.get(field.name)
                if place is not None and pc.any(out).as_py():
                    word, bit = divmod(place, LEFT_OUT_BITS)
                    value = pc.multiply(out.cast(pa.int64()), pa.scalar(1 << bit, pa.int64()))
                    words[word] = pc.add(words[word], value) if word in words else value
        self._words |= words.keys()
        zeros = pa.repeat(pa.scalar(0, pa.int64()), n)
        return [
            (pa.field(left_out_column(word), pa.int64()), words.get(word, zeros))
            for word in sorted(self._words)
        ]


def bits_of(table: pa.Table | pa.RecordBatch, place: int) -> Any:
    """Per row whether the value of the column of this place was left out (no nulls)."""
    word, bit = divmod(place, LEFT_OUT_BITS)
    name = left_out_column(word)
    if name not in table.schema.names:
        return pa.repeat(pa.scalar(False), table.num_rows)
    mask = pc.fill_null(table.column(name), 0)
    return pc.not_equal(pc.bit_wise_and(mask, pa.scalar(1 << bit, pa.int64())), 0)
