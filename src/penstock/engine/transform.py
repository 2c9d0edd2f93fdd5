"""Run the blocks of a pipeline over batches, keeping failed events beside the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from penstock.core.batch import Batch
from penstock.core.failpoints import hit
from penstock.transforms import Block


def transform(batches: Iterable[Batch], blocks: Sequence[Block]) -> Iterator[Batch]:
    """Each batch through every block in order; rows that cannot pass join `failed`."""
    for batch in batches:
        yield _through(batch, blocks)
        hit("transform.after")


def _through(batch: Batch, blocks: Sequence[Block]) -> Batch:
    if batch.rows is None or (batch.full_pass is not None and batch.full_pass.keys_only):
        return batch
    for block in blocks:
        if batch.rows is None:
            break
        shaped = block.apply(batch.rows)
        counts = dict(batch.counts)
        counts["filtered"] = counts.get("filtered", 0) + shaped.filtered
        counts["created"] = counts.get("created", 0) + shaped.created
        batch = replace(
            batch, rows=shaped.rows, failed=(*batch.failed, *shaped.failed), counts=counts
        )
    return batch
