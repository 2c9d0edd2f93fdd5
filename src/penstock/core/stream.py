"""What a source offers: streams, and the splits they are read in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

from penstock.core import metadata
from penstock.core.checkpoint import Checkpoint
from penstock.core.splits import LOG_SPLIT as LOG_SPLIT
from penstock.core.splits import history_is_read as history_is_read


class ReadMode(StrEnum):
    """How a stream is read after its first complete read."""

    FULL = "FULL_LOAD"
    INCREMENTAL = "INCREMENTAL"
    LOG = "LOG_BASED"
    """History by reading the table once, then every change from a log, with deletes."""


@dataclass(frozen=True)
class RowId:
    """What the generated ids of a stream without a key are made of (sdk/row_ids.py).

    Args:
        fields: the fields that tell rows apart; empty: the whole record.
        drop: members of the record that are not loaded, and so do not count.
    """

    fields: tuple[str, ...] = ()
    drop: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Stream:
    """One table, topic, endpoint or file set; "object" in what users see.

    Args:
        name: as users write it, unique in the source.
        schema: declared fields in Arrow types; a source may deliver more, or wider, later.
        primary_key: field names, empty when the source has no key.
        row_id: set when its batches bring generated ids (`Batch.row_ids`) for want of a key.
        cursor: field whose value moves forward; None for full loads.
        query_mode: of a database's table, how it is read by query (pipelines.md 2.5).
        reports_deletes: adds `_ps_deleted` to the table.
        modified_field: field that holds the change time in the source, for
            `_ps_source_modified_at`.
        sensitive: fields whose values previews hide.
        ours: fields that are columns of ours (`_ps_schema`, `_ps_xmin`) and keep their names,
            which fields of the source's own could not have.
        estimated_rows: as the source's statistics say, None when it has none.
        namespace: schema or database that holds the table, where the source has such.
    """

    name: str
    schema: pa.Schema
    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    mode: ReadMode = ReadMode.FULL
    query_mode: str = ""
    title: str = ""
    reports_deletes: bool = False
    modified_field: str | None = None
    sensitive: frozenset[str] = field(default_factory=frozenset)
    row_id: RowId | None = None
    ours: frozenset[str] = frozenset()
    estimated_rows: int | None = None
    namespace: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What rows are told apart by: the source's key, else `_ps_id`; empty: by nothing."""
        generated = metadata.GENERATED_KEY if self.row_id is not None else ()
        return self.primary_key or generated


@dataclass(frozen=True)
class Split:
    """One ordered reading task with its own checkpoint; a log's split carries many streams.

    Args:
        name: stable across runs, unique in the pipeline: the checkpoint's key. A split that
            reads all of one stream has the stream's name; of several that share a stream each
            is `STREAM#something`. A log's is `LOG_SPLIT`.
        streams: names of the streams it reads.
        priority: lower is started first and goes first at the rate limit.
        after: name of the split whose position has to be saved before this one is read: a
            log's, so that no change falls between the history of a table and its log. Saved
            means committed in the catalog; the engine looks after it.
        history: one of the splits that together read one stream once from end to end. When
            the last of them is in the destination, a full reload is shown, their positions
            are forgotten, and `history_is_read` is true from then on.
        start: where reading starts when no position is saved. The engine saves those of all
            splits before it reads any, so that a plan (the bounds of chunks) outlives a crash.
    """

    name: str
    streams: tuple[str, ...]
    priority: int = 0
    after: str | None = None
    history: bool = False
    start: Checkpoint | None = None
