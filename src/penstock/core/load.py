"""What is handed to a destination, and the proof it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa

from penstock.core.books import Books
from penstock.core.checkpoint import Checkpoint


class WriteMode(StrEnum):
    """How rows meet the rows that are there already (pipelines.md 4.2)."""

    MERGE = "merge"
    APPEND = "append"
    HISTORY = "history"


class Truncates(StrEnum):
    """What becomes of a table's rows when the source empties the table at once."""

    IGNORE = "IGNORE"
    FLAG_ALL = "FLAG_ALL"


class Deletes(StrEnum):
    """What a deleted row becomes (pipelines.md 3.3)."""

    SOFT = "SOFT"
    """The row stays and is flagged."""
    IGNORE = "IGNORE"
    """Deletes are left out before they are staged; no destination meets this."""
    HARD = "HARD"
    """The row goes."""


@dataclass(frozen=True)
class Sweep:
    """After a verified complete read: flag the rows of the table whose key did not come.

    With `group`, after some groups of rows were read as a whole (all children of some events):
    flag the rows of these groups whose key did not come, and no others.

    Args:
        key_files: Parquet files of the key columns (destination names) read in the pass. A row
            that has the group alone, and null in the rest of the key, says that the group came.
        started_at: epoch ms; rows with a later `_ps_ingested_at` are left alone.
        safety_share: when more than this share of the live rows would be flagged, none is,
            and the receipt says how many were held back. 1.0 flags whatever is gone.
        deleted_at: epoch ms written as `_ps_ingested_at` of flagged rows.
        group: key column (destination name) whose values are the groups; None for the whole table.
    """

    key_files: tuple[Path, ...]
    started_at: int
    deleted_at: int
    safety_share: float = 0.2
    group: str | None = None


@dataclass(frozen=True)
class TableLoad:
    """One table's part of a package. Its load id names exactly these bytes, for ever.

    Every file holds the columns of `schema` (table columns in destination names and types,
    metadata columns included) plus the staging columns `_ps_op` (I U D R), `_ps_seq` and
    `_ps_hint`. In merge mode keys are unique in the load; in history mode they need not be.
    With `left_out` they also have masks, `metadata.left_out_column(0)` and on (int64, perhaps
    null): for a column of number i, bit `i % LEFT_OUT_BITS` of mask `i // LEFT_OUT_BITS` says
    that the row has no value of it, and that the stored one stays; in history mode that of the
    active version.

    Args:
        load_id: key of the ledger row.
        pipeline: name, for the ledger.
        table: name in the destination.
        schema: columns of the target that these rows carry; others become NULL.
        key: column names; empty means append whatever the mode.
        mode: merge, append or history.
        files: Parquet, may be empty (a sweep alone).
        rows: number of rows in the files.
        generation: rows of a higher one go to a shadow table until `publish`.
        checkpoint: kept in the ledger row, JSON.
        package_no: grows by one per package of a split; orders ledger rows.
        loaded_at: epoch ms for `_ps_loaded_at`.
        sweep: set on the last load of a verified complete read.
        left_out: columns with such bits and their numbers; empty when every row has all values.
        deletes: SOFT or HARD, for merge mode.
        fixed: columns stay as they are: what is too long for one is refused.
    """

    load_id: str
    pipeline: str
    table: str
    schema: pa.Schema
    key: tuple[str, ...]
    mode: WriteMode
    files: tuple[Path, ...]
    rows: int
    loaded_at: int
    generation: int = 0
    checkpoint: str | None = None
    split: str = ""
    package_no: int = 0
    fence: int = 0
    sweep: Sweep | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    deletes: Deletes = Deletes.SOFT
    fixed: bool = False


@dataclass(frozen=True)
class Receipt:
    """Proof of what one table load did; `inserted + updated + deleted + unchanged = rows`.

    `unchanged` counts rows equal to the stored ones, rows older than the stored ones, and
    placeholders of known keys: nothing was written for them. `replayed` means the ledger
    knew the load id and nothing was done now. `warnings` tell the user what the destination
    had to change in values.
    """

    load_id: str
    table: str
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    flagged: int = 0
    held: int = 0
    replayed: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return self.inserted + self.updated + self.deleted + self.unchanged


@dataclass(frozen=True)
class PackagePart:
    """Rows of one event type in a package, before they are a table load (JSON in the card).

    Without a table (an empty name) there are no rows: the part tells what became of those that
    were read, when a transformation made events of other types of them, or none.

    `mapping` is the event type's mapping when the package closed (`Mapping.to_dict`), so
    that the package can be delivered even when the catalog is lost or set back.
    """

    stream: str
    event_type: str
    table: str
    key: tuple[str, ...]
    mode: WriteMode
    generation: int
    files: tuple[str, ...]
    rows: int
    load_id: str
    books: Books
    mapping: Mapping[str, Any]
    sweep: Mapping[str, Any] | None = None
    keys_file: str | None = None
    pass_id: str | None = None
    failed_file: str | None = None
    publish: bool = False
    attempt: int = 0
    """Of the replay that these rows come from, 0 for rows of the source."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    shaped: bool = False
    """The rows have passed a transformation."""
    groups: str | None = None
    """Key column of a part of children: `keys_file` has the children that are there, and their
    roots, by this column, each with the version of its root."""

    @property
    def name(self) -> str:
        """Unique among the parts of a package."""
        return part_name(self.stream, self.event_type)


def part_name(stream: str, event_type: str) -> str:
    """One name for an event type of a stream; that of the stream for its own."""
    return stream if stream == event_type else f"{stream} as {event_type}"


@dataclass(frozen=True)
class LoadPackage:
    """A durable group of files that ends at one checkpoint.

    On disk: a folder whose `package.json` (the card) was written last; without it the
    folder does not exist for anybody. A package without parts (a heartbeat) moves the position
    alone and is never on disk.
    """

    id: str
    pipeline: str
    split: str
    package_no: int
    job: str
    folder: Path
    parts: tuple[PackagePart, ...]
    checkpoint: Checkpoint | None
    ingested_at: int
    fence: int = 0
    warnings: tuple[str, ...] = field(default_factory=tuple)
    resolved: tuple[int, ...] = ()
