"""The contract of a source."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar, Final

import pyarrow as pa

from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.clock import NowMs, now_ms
from penstock.core.digest import Digest, DigestPlan, Part
from penstock.core.spec import PipelineSpec
from penstock.core.stream import Split, Stream


@dataclass(frozen=True)
class Step:
    """One step of a connection test: its name, whether it passed, and what was seen.

    `again` marks a failure that may pass by itself later: held, starting, out of reach.
    """

    name: str
    ok: bool
    detail: str = ""
    seconds: float = 0.0
    hint: str | None = None
    again: bool = False


@dataclass(frozen=True)
class Unread:
    """An event that still cannot be read: its place among those given, and why."""

    index: int
    reason: str


@dataclass
class SourceStats:
    """Totals of what reading has cost so far; `interfaces.md` section 4 prints them.

    `lag_bytes` and `lag_seconds` say how far a log's reader is behind the end of the log: bytes
    between the two positions, and the age of the change that was read last (0 at the end).
    None where there is no log or the system cannot tell.
    """

    calls: int = 0
    rate_limited: int = 0
    retries: int = 0
    bytes_read: int = 0
    lag_bytes: int | None = None
    lag_seconds: float | None = None


def _ended() -> threading.Event:
    """An event that is set: nothing else is being read."""
    event = threading.Event()
    event.set()
    return event


@dataclass(frozen=True)
class ReadContext:
    """What the engine tells a source about one job.

    Args:
        cancel: set when the job should stop; `read` ends soon, at any yield.
        package_rows: rows after which a load package closes; batches of more rows make it
            larger than it should be.
        batch_rows: aim for batches of about this many rows, fewer when `batch_bytes` or
            `batch_seconds` comes first, so that a slow source still reaches checkpoints.
        restart: read the streams whole again, whatever the checkpoint says.
        bounds: {"from": iso, "to": iso} of `penstock run --from --to`; a bounded read
            yields no checkpoints and ends no full pass.
        cut_short: the job before this one was killed while it read. So may be this one: what a
            source has in hand should be little against what it handed over.
        limit: stop after about this many rows (previews); 0 means no limit.
        infer_dates: look for dates and times in text of fields without a declared type.
        called: to be told of each call to the system, from any thread.
        expect: to be told how many rows there are in all, where the system says so.
        follow: a log is read on and on. Then `read` yields at least every `batch_seconds`, a
            heartbeat when nothing came; the engine closes it at a checkpoint.
        others_ended: set once every split whose `after` names this one has ended, well or not.
            Without `follow` a log ends at the end of the log as it was at that moment or later.
        clock: epoch ms, the engine's own, which never goes back. For `Batch.ingested_at` of rows
            of history: `clock()` before their query began, minus one, so that every change
            that the log brings is newer.
    """

    cancel: threading.Event = field(default_factory=threading.Event)
    batch_rows: int = 5_000
    batch_bytes: int = 16 << 20
    package_rows: int = 61_440
    batch_seconds: float = 5.0
    restart: bool = False
    bounds: Mapping[str, str] = field(default_factory=dict)
    cut_short: bool = False
    limit: int = 0
    infer_dates: bool = True
    called: Callable[[], None] = lambda: None
    expect: Callable[[int], None] = lambda _rows: None
    follow: bool = False
    others_ended: threading.Event = field(default_factory=_ended)
    clock: NowMs = now_ms


NOTHING_SAVED: Final[Mapping[str, Checkpoint]] = MappingProxyType({})


class Source(ABC):
    """Reads one system. Built for one job or check, used from several threads, then closed.

    In time: `check` or `discover` alone; or, for a job, `configure`, `discover`, `plan`, then
    `read` for each split in a thread of its own, `acknowledge` after loads, `close`. After a
    crash the same calls come again with the last saved checkpoint; nothing else is kept.

    Errors that `read` raises decide what the engine does: `Unavailable` (this object is not
    offered; the others go on), `ObjectFailed` and `TransientError` (this object stops, its
    position stays, the others go on), `AuthError` and `ConfigError` (the whole job stops).
    """

    def belongs_to(self, pipeline: str, catalog: str) -> None:  # noqa: B027
        """Whose reads these are, told before `plan`: what a source keeps in the system (a slot)
        is named after the pipeline and its catalog, so that no two share it."""

    def configure(self, pipeline: PipelineSpec) -> None:  # noqa: B027
        """What a pipeline wants of the objects; called before `discover`, or never."""

    def stop_with(self, cancel: threading.Event) -> None:  # noqa: B027
        """Statements under way are given up with `Interrupted` when this is set; called once,
        before all else, by those who ask for sums and spans. Reads end by their context."""

    columnar: ClassVar[bool] = False
    """Rows come as whole columns, without a Python object for each value: large batches are no
    dearer than small ones."""

    @abstractmethod
    def check(self) -> Iterator[Step]:
        """Try settings, network, login and one read, naming each step, to the first failure."""

    @abstractmethod
    def discover(self) -> list[Stream]:
        """The streams on offer, without reading their rows."""

    def plan(
        self,
        streams: Sequence[Stream],
        saved: Mapping[str, Checkpoint] = NOTHING_SAVED,  # noqa: ARG002
    ) -> list[Split]:
        """Reading tasks for these streams: by default one each, in the order given.

        Changes nothing in the system: previews ask too. A log's split is there always; the
        history splits of a stream until `history_is_read(stream, saved)`. Of those, the ones
        that ended may be left out, or given again: then `read` ends without a row.

        Args:
            saved: positions by split that still hold: those of generations before a full
                reload are not among them, nor is any of a split `after` one that has none.
        """
        return [Split(stream.name, (stream.name,)) for stream in streams]

    @abstractmethod
    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        """Yield batches from the checkpoint on (None: from the start).

        A batch's checkpoint promises: every row up to here was yielded. The last batch of a
        complete read carries the checkpoint from which the next job starts. Called once per
        split and job; a retry after an error calls it again with the last yielded checkpoint.

        A log without a checkpoint begins at the log's end: it makes what it needs there (slot,
        publication) and at once yields a heartbeat with that position, which is what splits
        `after` it wait for. Rows of history without a checkpoint start at `split.start`.
        """

    def current(
        self,
        stream: Stream,
        context: ReadContext,
        part: Part = (),  # noqa: ARG002 (sources that can, read less)
    ) -> Iterator[Batch]:
        """All rows of a stream as they are now, whatever a job has read of them before.

        For comparisons and repairs: nothing is remembered, checkpoints of the batches mean
        nothing. Sources that can, read only the part of the rows that is asked for; others give
        more.
        """
        for split in self.plan([stream]):
            if split.streams == (stream.name,):
                yield from self.read(split, split.start, replace(context, restart=True))

    def rows_of(
        self,
        stream: Stream,  # noqa: ARG002
        keys: pa.RecordBatch,  # noqa: ARG002
        context: ReadContext,  # noqa: ARG002
    ) -> Iterator[Batch] | None:
        """Rows with these values in these fields, as they are now; others may come with them.

        Of a log that leaves values out. None when rows cannot be asked for by key.
        """
        return None

    whole_schema: bool = False
    """Rows have the fields of `Stream.schema` and no others."""

    def key_span(self, stream: Stream, field: str) -> tuple[int, int] | None:  # noqa: ARG002
        """Least and greatest value of a field of whole numbers; None without rows, or where the
        system does not compute."""
        return None

    def digest(
        self,
        stream: Stream,  # noqa: ARG002
        plan: DigestPlan,  # noqa: ARG002
        cancel: threading.Event,  # noqa: ARG002
    ) -> Digest | None:
        """Sums of hashes of all rows by bucket, computed by the system itself; None when it
        cannot: such streams are compared row by row."""
        return None

    def unread(
        self,
        stream: Stream,  # noqa: ARG002
        checkpoint: Checkpoint,  # noqa: ARG002
        rows: pa.RecordBatch,  # noqa: ARG002
    ) -> pa.Array | None:
        """Which of these rows (boolean, length n) lie beyond a checkpoint: no job has read them,
        the next one will. None where rows do not tell."""
        return None

    def is_whole(self, stream: Stream, checkpoint: Checkpoint) -> bool:  # noqa: ARG002
        """Whether a first read has ended at this checkpoint: everything that there was at its
        beginning was yielded. False where checkpoints do not tell."""
        return False

    def log_end(self) -> Checkpoint | None:
        """A place of the log behind everything that was committed before; None without a log."""
        return None

    def log_passed(self, checkpoint: Checkpoint, end: Checkpoint) -> bool:  # noqa: ARG002
        """Whether a checkpoint of the log's split lies at or behind such a place."""
        return False

    def parse(
        self, stream: Stream, events: Sequence[str], *, infer_dates: bool = True
    ) -> tuple[pa.RecordBatch, list[Unread]]:
        """Events that were set aside, read once more from their raw form (JSON text).

        Returns the rows that can be read now, in order, and the others by their place.
        Sources with a reader of their own override this; it learns types from the values.
        """
        from penstock.sdk.replay import parse_events  # Arrow's JSON parts load only for replays

        return parse_events(stream, events, infer_dates=infer_dates)

    @property
    def identity(self) -> str:
        """Which account this is, without secrets; "" when that cannot be told.

        A catalog that was lost goes on from a destination's ledger only when the ledger
        speaks of the same account.
        """
        return ""

    @property
    def includes_new(self) -> bool:
        """Whether objects that appear after a pipeline's first job are read without being named."""
        return True

    def acknowledge(self, split: Split, checkpoint: Checkpoint) -> None:  # noqa: B027
        """Everything up to the checkpoint is in the destination: a log or queue may forget it."""

    def estimate(self, stream: Stream) -> int | None:  # noqa: ARG002
        """Rows to expect, for progress; None when asking would cost too much."""
        return None

    @property
    def stats(self) -> SourceStats:
        return SourceStats()

    def forget(self) -> list[str]:
        """The pipeline is being removed (told by `belongs_to`): drop what was made for it in the
        system.

        Returns:
            Statements for a person to run, for what could not be dropped.
        """
        return []

    def close(self) -> None:  # noqa: B027
        """Let go of connections; called once."""
