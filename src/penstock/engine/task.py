"""What one job hands to the engine: the two ends, the streams, and the way back to the catalog."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from typing import Protocol

from penstock.core.checkpoint import Checkpoint
from penstock.core.clock import Forward
from penstock.core.load import Deletes, LoadPackage, Receipt, Truncates, WriteMode
from penstock.core.mapping import Mapping
from penstock.core.progress import ObjectState
from penstock.core.records import CommitRecord, FailedRow
from penstock.core.stream import ReadMode, Split, Stream
from penstock.engine.budget import Budget
from penstock.engine.staging import Staging
from penstock.sdk.destination import Destination
from penstock.sdk.source import Source
from penstock.transforms.events import Transformer


class Memory(Protocol):
    """What the data plane asks of the catalog; the worker gives it."""

    def mapping(self, event_type: str) -> Mapping | None: ...

    def save_mapping(self, mapping: Mapping) -> None: ...

    def names(self, scope: str) -> dict[str, str]:
        """Pairs original -> chosen of a destination schema, for ever."""

    def remember(self, scope: str, names: Dict[str, str]) -> None: ...

    def event_types(self) -> Dict[str, Dict[str, bool]]:
        """What transformations have made so far: by stream and event type, whether each row of
        it had the key of the row that it came from."""

    def note_event_type(self, stream: str, event_type: str, key_kept: bool) -> None:
        """Keep that a transformation makes events of this type of the stream's."""

    def reload_again(self, stream: str) -> None:
        """The stream's reload that is under way begins anew with the next job."""

    def begin(self, starts: Dict[str, tuple[Checkpoint, int]]) -> None:
        """Save where splits begin, with the generation, of those that have no position."""

    def commit(self, record: CommitRecord) -> None:
        """Save position, receipts, books and failed events together, once per package."""

    def history_read(self, stream: str, generation: int, published: bool) -> None:
        """All history of a stream is in the destination (and shown there, if `published`):
        the positions of its splits are forgotten, and that it was read is kept."""


@dataclass(frozen=True)
class StreamPlan:
    """How one stream goes from its source to its table in this job.

    Args:
        key: field names of the key (the source's, or the user's choice).
        generation: stamped on its rows; above `published` they go to a shadow table.
        wanted: the mode that was asked for; `mode` is append where there is no key.
    """

    stream: Stream
    event_type: str
    mode: WriteMode
    key: tuple[str, ...]
    generation: int = 0
    published: int = 0
    delete_safety: float = 0.2
    deletes: Deletes = Deletes.SOFT
    truncates: Truncates = Truncates.IGNORE
    wanted: WriteMode | None = None

    @property
    def rebuilding(self) -> bool:
        return self.generation > self.published


def is_log(split: Split, plans: Dict[str, StreamPlan]) -> bool:
    """Whether the split reads a log; its streams change for ever, and have their own history."""
    logged = [plans[name].stream.mode is ReadMode.LOG for name in split.streams if name in plans]
    return bool(logged) and all(logged) and not split.history


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
    transformer: Transformer | None = None
    """The version in force; one for all splits, which take turns (`transforming`)."""
    transforming: threading.Lock = field(default_factory=threading.Lock)
    unread: set[str] = field(default_factory=set)
    """Streams whose history is being read; written by the thread that loads."""
    truncated: dict[str, int] = field(default_factory=dict)
    """When a log said that the table was emptied: history read before that is gone, too. Kept in
    the log's checkpoint, since packages of that history may outlive a crash."""
    follow_s: float | None = None
    """A log is read on for so many seconds, and then to its next checkpoint."""
    replan: threading.Event = field(default_factory=threading.Event)
    """Set when a log showed that the plan does not hold any more."""
    cut_short: bool = False
    """The job before this one did not come to its end: it left packages, open or closed."""
    replaying: bool = False
    """The source gives failed events again: positions and generations stay as they are."""
    infer_dates: bool = True
    auto_mapping: bool = True
    """Of the pipeline; an event type may have a switch of its own."""
    fixed_schema: bool = False
    """BLOCK_ALL: new fields are ignored with a warning, values that do not fit fail."""
    keep_op: bool = False
    """Tables get the column `_ps_op`."""
    naming: threading.RLock = field(default_factory=threading.RLock)
    """Held while names are chosen or a mapping is saved: splits of one stream do so at once."""
    counting: threading.Lock = field(default_factory=threading.Lock)
    """Held while counts of `states` grow: several splits may read one stream."""
    warn: Callable[[str, str], None] = lambda _object, _text: None
    patience_s: float = 20.0
    """How long a destination that is away is waited for before the job gives up (exit 75)."""


@dataclass(frozen=True)
class Delivered:
    """One package that is in the destination, with the proof."""

    package: LoadPackage
    receipts: tuple[Receipt, ...]
    failed: tuple[FailedRow, ...]
