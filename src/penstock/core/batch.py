"""The one thing that moves through the engine: rows, where they end, and what failed so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import pyarrow as pa

from penstock.core.checkpoint import Checkpoint

MOST_FAILED: Final = 10_000
"""Above this many failed events the job itself has failed (pipelines.md 14.6, MODERATE)."""


PER_ROW: Final = ""
"""`Batch.op` of batches whose rows say themselves what they are."""


class Hint(IntEnum):
    """What a row may do to the row of the same key that is stored already."""

    VERSION = 0
    """An ordinary version: replaces the stored one, or is appended."""
    PLACEHOLDER = 1
    """A partial row (redacted by the source): inserted only while the key is unknown."""
    SEEN = 2
    """Read again by an overlap: appended only when no equal row of its key is stored."""


@dataclass(frozen=True)
class FailedEvent:
    """One event set aside: the stage that could not pass it on, why, and the event itself.

    `raw` is the event as read (JSON text); `code` one of pipelines.md 14.1; `op` as in `Batch`,
    kept for a replay, and so is `row_id`, the row's generated id where it has one. What a
    transformation refused has a `sub_code` (transformations.md 3.7), and the `line` of the user's
    script with its `traceback` where there is one; with `shaped` the event has passed the
    transformation, and a replay begins at the mapper.
    """

    object: str
    stage: str
    code: str
    reason: str
    raw: str
    key: str | None = None
    ingested_at: int = 0
    seq: int = 0
    event_type: str = ""
    attempt: int = 0
    op: str = "U"
    """Of events of a log: the source says it, for the batch has none."""
    row_id: str | None = None
    sub_code: str = ""
    line: int | None = None
    traceback: str = ""
    shaped: bool = False


@dataclass(frozen=True)
class FullPass:
    """A complete read of a stream, told to the engine piece by piece.

    Every batch of the pass carries the same id; the engine collects the keys. The batch
    with `ended` closes it: when `verified`, rows whose key did not come are gone from the
    source. An unverified pass flags nothing.
    """

    id: str
    started_at: int
    """Epoch ms; rows that were written to the destination after it are never flagged."""
    ended: bool = False
    verified: bool = False
    keys_only: bool = False
    """The rows are keys of a sweep: counted nowhere, loaded nowhere."""


@dataclass(frozen=True)
class Batch:
    """Arrow rows of one stream, the checkpoint after the last of them, the events that failed.

    Args:
        stream: name of the stream.
        rows: n x fields. A heartbeat has none.
        checkpoint: resume point after these rows; None where resuming would not be safe.
        failed: events set aside so far; they were read, and are not among the rows.
        oversize: ids of events over the size limit; they were read, and are nowhere else.
        op: one of I U D R for all rows. Batches of a log have `PER_ROW` here, and say it of each
            row in the column `_ps_op` of `rows` and of each failed event in its own `op`.
        hints: `Hint` per row (uint8, length n), None when all are ordinary versions.
        row_ids: generated id per row (string, length n) of a stream that has `Stream.row_id`.
        generation: number of the stream's full reload; the engine stamps it for tables.
        full_pass: set when the batch belongs to a complete read.
        ingested_at: epoch ms, when the rows were read; 0 lets the engine stamp it.
        warnings: plain sentences for the job's log.
        bytes_read: size of the events as read.
        replayed: ids of failed events that come again in this batch; they are resolved once
            it is loaded, and those that fail again do so with `attempt`.
        truncated: a log says that the table was emptied; the batch has no rows. What comes
            after it is not touched by that.
        event_type: what the rows are, "" for the stream's own event type.
        keys: fields of the rows' key where a transformation told it; None: the stream's.
        shaped: the rows have passed the transformation.
        children: rows of `nested.present`: of events of nested data the children that are there,
            and their roots. Those of the same roots that were stored and did not come are gone.
        replan: a log shows that streams came, went or got another key: the job ends at this
            checkpoint, and with `follow` the next one begins at once with a new plan.

    Batches of a log (streams of `ReadMode.LOG`):

    - Rows stand in commit order within a stream. A batch may gather the rows of many
      transactions, and the batches of several tables follow each other without a checkpoint:
      one stands only on the last batch before which every transaction is whole.
    - `_ps_op` (string, never null) is I, U or D. A D needs only the key (a table without one:
      whatever the log gave). A change of the key is the D of the old one, then the I of the new.
    - `_ps_left_out` (struct of booleans, one child for each field of which the log left out a
      value in this batch; absent when it left out nothing; neither it nor its children are
      null). Where a child is true the value itself is null, and the stored one stays: that of
      the row before it in the package, else that of the destination. An I leaves out nothing.
    - A heartbeat has no rows, and may have the stream "": it moves the position alone.
    """

    stream: str
    rows: pa.RecordBatch | None = None
    checkpoint: Checkpoint | None = None
    failed: tuple[FailedEvent, ...] = ()
    oversize: tuple[str, ...] = ()
    op: str = "R"
    hints: pa.Array | None = None
    row_ids: pa.Array | None = None
    generation: int = 0
    full_pass: FullPass | None = None
    ingested_at: int = 0
    warnings: tuple[str, ...] = ()
    bytes_read: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    replayed: tuple[int, ...] = ()
    attempt: int = 0
    truncated: bool = False
    replan: bool = False
    children: pa.RecordBatch | None = None
    event_type: str = ""
    keys: tuple[str, ...] | None = None
    shaped: bool = False

    @property
    def num_rows(self) -> int:
        return self.rows.num_rows if self.rows is not None else 0
