"""What the change log of a pipeline says of rows that differ: they changed since the last job."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final

from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import ConfigError, TransientError
from penstock.core.splits import LOG_SPLIT
from penstock.core.stream import Stream
from penstock.engine.task import Task
from penstock.engine.verify.pending import Pending, Still
from penstock.sdk.source import ReadContext
from penstock.store import Catalog

_EVERY_S: Final = 0.5
_RUNNING: Final = "the job that runs has not come to the log's end yet."
_LOST: Final = (
    "Rows that changed since the last run cannot be told from others, which differ as well: {}"
)


@dataclass
class PipelineLog:
    """The log of a pipeline, looked at without moving it.

    Args:
        streams: all that the pipeline reads.
        patience_s: how long a job that runs is waited for.
    """

    task: Task
    catalog: Catalog
    streams: Sequence[Stream]
    patience_s: float

    def of(self, stream: str) -> Pending:
        """What it says of one object."""
        return _ObjectLog(self, stream)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no job runs; then none begins inside of the block."""
        with _tried(self.catalog, self.task.pipeline) as alone:
            yield alone

    def saved(self) -> dict[str, Checkpoint]:
        """Where the last job came to, by split."""
        loaded = self.catalog.positions.load(self.task.pipeline)
        return {
            split: position.checkpoint
            for split, position in loaded.items()
            if position.checkpoint is not None
        }

    def caught_up(self) -> bool:
        """Wait for the job that runs to come to where the log ends now; False when it ends before
        that, or takes too long."""
        source = self.task.source
        end, last = source.log_end(), time.monotonic() + self.patience_s
        while end is not None and time.monotonic() < last:
            at = self.saved().get(LOG_SPLIT)
            if at is not None and source.log_passed(at, end):
                return True
            if self.task.cancel.wait(_EVERY_S):
                break
            with self.alone() as alone:
                if alone:
                    break
        return False

    def changes(self, stream: str) -> Generator[Batch, None, None]:
        """Batches of one object that no job has loaded; nothing is acknowledged.

        Raises:
            ConfigError: the log cannot be read on.
        """
        saved = self.saved()
        if LOG_SPLIT not in saved:
            raise ConfigError("The position in the log is not known.")
        splits = self.task.source.plan(self.streams, saved)
        if [split.name for split in splits] != [LOG_SPLIT]:
            raise ConfigError("Some tables are to be read anew.")
        context = ReadContext(cancel=self.task.cancel, clock=self.task.clock)
        batches = self.task.source.read(splits[0], saved[LOG_SPLIT], context)
        with closing(batches):  # type: ignore[type-var]
            yield from (batch for batch in batches if batch.stream == stream)


@dataclass
class _ObjectLog:
    log: PipelineLog
    stream: str

    @contextmanager
    def still(self) -> Iterator[Still]:
        with self.log.alone() as alone:
            if alone:
                yield self._read()
                return
        if self.log.caught_up():
            # Changes came to the table by themselves.
            yield Still()
            return
        with self.log.alone() as alone:
            yield self._read() if alone else Still(doubt=_LOST.format(_RUNNING))

    def _read(self) -> Still:
        found = Still()
        found.changes = self._guarded(found)
        return found

    def _guarded(self, found: Still) -> Iterator[Batch]:
        try:
            yield from self.log.changes(self.stream)
        except (ConfigError, TransientError) as error:
            found.doubt = _LOST.format(error.message)


@contextmanager
def _tried(catalog: Catalog, pipeline: str) -> Iterator[bool]:
    """Take the pipeline's lock if it is free."""
    lock = catalog.pipelines.lock(pipeline)
    try:
        lock.__enter__()
    except TransientError:
        yield False
        return
    try:
        yield True
    finally:
        lock.__exit__(None, None, None)
