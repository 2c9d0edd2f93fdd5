"""What the catalog remembers, as plain values: jobs, positions, commits, failed events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from penstock.core.books import Books
from penstock.core.checkpoint import Checkpoint

if TYPE_CHECKING:  # Arrow stays out of commands that only look something up
    from penstock.core.load import Receipt


class JobType(StrEnum):
    """Why a job exists (pipelines.md 11.1)."""

    HISTORICAL = "HISTORICAL"
    INCREMENTAL = "INCREMENTAL"
    REFRESHER = "REFRESHER"
    RESYNC = "RESYNC"
    RESYNC_DROP = "RESYNC_DROP"
    REPLAY = "REPLAY"
    SCHEMA_REFRESH = "SCHEMA_REFRESH"


class DataKind(StrEnum):
    """Which kind of data a job reads (pipelines.md 2.2)."""

    HISTORICAL = "HISTORICAL"
    INCREMENTAL = "INCREMENTAL"
    REFRESHER = "REFRESHER"


class JobStatus(StrEnum):
    """Pipelines.md 11.2."""

    NOT_STARTED = "NOT_STARTED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_FAILURES = "COMPLETED_WITH_FAILURES"
    FAILED = "FAILED"
    DEFERRED = "DEFERRED"
    DEFERRED_WITH_FAILURES = "DEFERRED_WITH_FAILURES"
    SKIPPED = "SKIPPED"
    CANCELED = "CANCELED"


class ObjectStatus(StrEnum):
    """An object inside a job (pipelines.md 11.3), or not offered to this account."""

    NOT_INITIALIZED = "NOT_INITIALIZED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_FAILURES = "COMPLETED_WITH_FAILURES"
    FAILED = "FAILED"
    DEFERRED = "DEFERRED"
    DEFERRED_WITH_FAILURES = "DEFERRED_WITH_FAILURES"
    SKIPPED = "SKIPPED"
    CANCELED = "CANCELED"
    UNAVAILABLE = "UNAVAILABLE"


class IngestionStatus(StrEnum):
    """Where an object of a pipeline stands between jobs (pipelines.md 2.11)."""

    INIT = "INIT"
    SCHEDULED = "SCHEDULED"
    QUEUED = "QUEUED"
    BOOTSTRAPPING = "BOOTSTRAPPING"
    STREAMING = "STREAMING"
    DEFERRED = "DEFERRED"
    PAUSED = "PAUSED"
    SKIPPED = "SKIPPED"
    AWAITING_MAPPING = "AWAITING_MAPPING"
    NOT_INCLUDED = "NOT_INCLUDED"
    HISTORICAL_LOAD_FINISHED = "HISTORICAL_LOAD_FINISHED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    INACCESSIBLE = "INACCESSIBLE"
    SOURCE_DELETED = "SOURCE_DELETED"
    DISABLED = "DISABLED"
    BLOCKED = "BLOCKED"
    INCONSISTENT = "INCONSISTENT"
    RESETTING = "RESETTING"


class MappingStatus(StrEnum):
    """Pipelines.md 12.1."""

    AUTO_MAPPED = "AUTO_MAPPED"
    MAPPED = "MAPPED"
    MAPPING_IN_PROGRESS = "MAPPING_IN_PROGRESS"
    SKIPPED = "SKIPPED"
    UNMAPPED = "UNMAPPED"


class FailedState(StrEnum):
    """Pipelines.md 14, last line."""

    FAILED = "FAILED"
    QUEUED_FOR_REPLAY = "QUEUED_FOR_REPLAY"
    REPLAYING = "REPLAYING"
    RESOLVED = "RESOLVED"
    SKIPPED = "SKIPPED"
    PURGED = "PURGED"


class Method(StrEnum):
    """How a transformation is written (transformations.md 1); NONE passes events as they are."""

    PYTHON = "PYTHON"
    BLOCKS = "BLOCKS"
    NONE = "NONE"


class VersionStatus(StrEnum):
    """Of a version of a transformation (transformations.md 10.4)."""

    DRAFT = "DRAFT"
    DEPLOYED = "DEPLOYED"
    SUPERSEDED = "SUPERSEDED"


class Severity(StrEnum):
    """Of an entry in the activity log, lowest first (pipelines.md 17)."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True)
class PipelineRecord:
    """What is remembered of a pipeline. `id` is its number, shown as `#3311`.

    `ingested_floor` (epoch ms) is the newest `_ps_ingested_at` ever committed: the clock of
    the next job starts there. `fence` is that of the newest job.
    """

    id: int
    name: str
    source_type: str
    destination_type: str
    created_at: int
    ingested_floor: int = 0
    fence: int = 0


@dataclass(frozen=True)
class ObjectRecord:
    """One event type of one object in a job. `checkpoint` is the part shown to people."""

    object: str
    event_type: str
    table: str = ""
    mode: str = ""
    status: str = ObjectStatus.NOT_INITIALIZED
    books: Books = field(default_factory=Books)
    checkpoint: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    error: Mapping[str, Any] | None = None
    started_at: int | None = None
    ended_at: int | None = None
    ingest_stage: str = ObjectStatus.NOT_INITIALIZED
    load_stage: str = ObjectStatus.NOT_INITIALIZED


@dataclass(frozen=True)
class JobRecord:
    """One execution of a pipeline. `objects` is filled when a single job is asked for.

    `totals` is what `finish` was told; until then, what was committed so far.
    """

    id: str
    pipeline: str
    job_type: JobType
    data_kind: DataKind
    status: JobStatus
    fence: int
    started_at: int
    ended_at: int | None = None
    seconds: float | None = None
    totals: Books = field(default_factory=Books)
    source: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    cancel_wanted: bool = False
    pid: int = 0
    host: str = ""
    objects: tuple[ObjectRecord, ...] = ()


@dataclass(frozen=True)
class SavedPosition:
    """Where a split stands. `package_no` is that of its newest committed package.

    `pass_info` is the engine's own note on a complete read under way, plain JSON.
    """

    checkpoint: Checkpoint | None = None
    generation: int = 0
    package_no: int = 0
    pass_info: Mapping[str, Any] | None = None
    updated_at: int = 0


@dataclass(frozen=True)
class Generation:
    """Full reloads of an object: the number its readers see, and the one being built.

    `mode` is the load mode in which that one began; empty where it is not known.
    """

    current: int = 0
    building: int | None = None
    mode: str = ""

    def of_job(self, mode: str, *, reload: bool) -> Generation:
        """What a job in this load mode reads: it goes on with a reload that was cut short.

        One that began in another mode is given up, since its table cannot always go on: nobody
        has seen that, and it goes when the next one is shown.

        Args:
            reload: a full reload is asked for, so one of unknown mode is given up too.
        """
        if self.building is None:
            return Generation(self.current, self.current + 1, mode) if reload else self
        if self.mode == mode or not (self.mode or reload):
            return self
        return Generation(self.current, self.building + 1, mode)

    def again(self) -> Generation:
        """The reload that is under way, from its beginning."""
        return self if self.building is None else replace(self, building=self.building + 1)


@dataclass(frozen=True)
class PartRecord:
    """One event type's share of a package: what became of its events, and the proof."""

    object: str
    event_type: str
    table: str
    books: Books
    receipt: Receipt | None
    load_id: str
    generation: int = 0
    published: bool = False
    """This package ended a full reload: the generation is what readers see from now on."""


@dataclass(frozen=True)
class FailedRow:
    """One failed event in the index. The event itself is row `file_row` of the Parquet `file`.

    `n` counts the failed events of one load. The fields after `attempt` are filled in by
    the catalog and ignored in a commit.
    """

    object: str
    event_type: str
    stage: str
    code: str
    reason: str
    file: str
    file_row: int
    load_id: str = ""
    n: int = 0
    key: str | None = None
    ingested_at: int = 0
    seq: int = 0
    attempt: int = 0
    id: int = 0
    pipeline: str = ""
    job: str = ""
    state: FailedState = FailedState.FAILED
    created_at: int = 0


@dataclass(frozen=True)
class FailedFilter:
    """Which failed events: every field that is set must agree; no states means any state."""

    states: tuple[FailedState, ...] = (FailedState.FAILED,)
    object: str | None = None
    event_type: str | None = None
    stage: str | None = None
    code: str | None = None
    reason: str | None = None
    job: str | None = None
    ids: tuple[int, ...] | None = None


@dataclass(frozen=True)
class FailedGroup:
    """Failed events with the same event type, stage, code and reason; instants in epoch ms."""

    event_type: str
    stage: str
    code: str
    reason: str
    count: int
    first: int
    last: int


@dataclass(frozen=True)
class CommitRecord:
    """All that is remembered of one delivered package, saved in one transaction.

    Args:
        package_id: saved once, however often it is committed.
        fence: of the job that delivers now, which need not be the one that staged.
        package_no: greater than that of every package of the split before.
        checkpoint: None leaves the saved one as it is.
        ingested_at: newest `_ps_ingested_at` in the package, epoch ms.
        resolved: ids of failed events that a replay carried into this package; those that
            failed again are new rows of `failed`.
        pass_info: None leaves the saved one as it is; empty clears it.
    """

    package_id: str
    pipeline: str
    job: str
    fence: int
    split: str
    package_no: int
    checkpoint: Checkpoint | None
    ingested_at: int
    parts: tuple[PartRecord, ...] = ()
    failed: tuple[FailedRow, ...] = ()
    warnings: tuple[str, ...] = ()
    resolved: tuple[int, ...] = ()
    pass_info: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ObjectInfo:
    """An object of a pipeline between jobs: status, note for people, what the next job needs.

    `complete_pass_at` (epoch ms) is when the last verified complete read began.
    """

    object: str
    status: IngestionStatus = IngestionStatus.INIT
    note: str = ""
    complete_pass_at: int | None = None
    estimated_rows: int | None = None
    updated_at: int = 0


@dataclass(frozen=True)
class TransformationVersion:
    """One version of a pipeline's transformation.

    Args:
        body: the script, or the stored form of the blocks as JSON text; empty for NONE.
    """

    version: int
    method: Method
    body: str
    status: VersionStatus
    created_by: str = ""
    created_at: int = 0
    deployed_at: int | None = None
    comment: str = ""


@dataclass(frozen=True)
class Activity:
    """One entry of the activity log. `pipeline` is None for the workspace itself."""

    severity: Severity
    action: str
    summary: str
    pipeline: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    actor: str = "system"
    id: int = 0
    at: int = 0
