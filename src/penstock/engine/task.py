"""What one job hands to the engine: the two ends, the streams, and the way back to the catalog."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from typing import Protocol

from penstock.core.checkpoint import Checkpoint
from penstock.core.clock import Forward
from penstock.core.load import LoadPackage, Receipt, WriteMode
from penstock.core.mapping import Mapping
from penstock.core.progress import ObjectState
from penstock.core.records import CommitRecord, FailedRow
from penstock.core.stream import Stream
from penstock.engine.budget import Budget
from penstock.engine.staging import Staging
from penstock.sdk.destination import Destination
from penstock.sdk.source import Source


class Memory(Protocol):
    """What the data plane asks of the catalog; the worker gives it."""

    def mapping(self, event_type: str) -> Mapping | None: ...

    def save_mapping(self, mapping: Mapping) -> None: ...

    def names(self, scope: str) -> dict[str, str]:
        """Pairs original -> chosen of a destination schema, for ever."""

    def remember(self, scope: str, names: Dict[str, str]) -> None: ...

    def commit(self, record: CommitRecord) -> None:
        """Save position, receipts, books and failed events together, once per package."""


@dataclass(frozen=True)
class StreamPlan:
    """How one stream goes from its source to its table in this job.

    Args:
        key: field names of the key (the source's, or the user's choice).
        generation: stamped on its rows; above `published` they go to a shadow table.
    """

    stream: Stream
    event_type: str
    mode: WriteMode
    key: tuple[str, ...]
    generation: int = 0
    published: int = 0
    delete_safety: float = 0.2

    @property
    def rebuilding(self) -> bool:
        return self.generation > self.published


@dataclass(frozen=True)
class Names:
    """How columns and tables are named in this pipeline's destination."""

    prefix: str = ""
    style: str = "CLASSIC"


@dataclass
class Task:
    """One job's work. `states` is written by the engine and shown by the worker."""

    pipeline: str
    job: str
    fence: int
    source: Source
    destination: Destination
    plans: Dict[str, StreamPlan]
    catalog_id: str
    checkpoints: dict[str, Checkpoint]
    package_numbers: dict[str, int]
    staging: Staging
    memory: Memory
    states: dict[str, ObjectState]
    clock: Forward
    budget: Budget = field(default_factory=Budget)
    names: Names = field(default_factory=Names)
    cancel: threading.Event = field(default_factory=threading.Event)
    bounds: Dict[str, str] = field(default_factory=dict)
    replaying: bool = False
    """The source gives failed events again: positions and generations stay as they are."""
    infer_dates: bool = True
    fixed_schema: bool = False
    """BLOCK_ALL: new fields are ignored with a warning, values that do not fit fail."""
    keep_op: bool = False
    """Tables get the column `_ps_op`."""
    warn: Callable[[str, str], None] = lambda _object, _text: None
    patience_s: float = 20.0
    """How long a destination that is away is waited for before the job gives up (exit 75)."""


@dataclass(frozen=True)
class Delivered:
    """One package that is in the destination, with the proof."""

    package: LoadPackage
    receipts: tuple[Receipt, ...]
    failed: tuple[FailedRow, ...]
