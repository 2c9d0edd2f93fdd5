"""Collect mapped rows of one split into packages of Parquet files."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from penstock.core.batch import PER_ROW, Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.clock import new_id
from penstock.core.errors import PenstockError
from penstock.core.failpoints import hit
from penstock.core.load import LoadPackage, part_name
from penstock.core.stream import Split
from penstock.engine.folders import split_folder
from penstock.engine.mappers import Mappers
from penstock.engine.mapping import Mapped
from penstock.engine.package import BUILDING, disk_error
from penstock.engine.part import OpenPart
from penstock.engine.passes import Passes
from penstock.engine.seals import Seals
from penstock.engine.task import Task, is_log

_HEARTBEAT_S: Final = 5.0
"""Positions of a log that brings nothing for us are saved this often."""
_GROWTH: Final = 4
"""A package that was full lets the next be so many times as large: a load has its price (30 ms of
CPU into DuckDB, more in a merge), and doubling took three loads more to get to the largest."""


def is_heartbeat(batch: Batch) -> bool:
    """Whether a batch moves nothing but the position: of a log, or one whose rows a transformation
    made events of other types."""
    if batch.op != PER_ROW and not batch.shaped:
        return False
    seen = batch.full_pass
    ends = seen is not None and (seen.ended or not batch.shaped)
    told = bool(batch.failed or batch.oversize or batch.replayed or any(batch.counts.values()))
    read = batch.shaped and batch.bytes_read > 0
    gone = batch.children is not None
    return batch.num_rows == 0 and not (told or ends or read or gone)


class Stager:
    """Writes the open package of one split and closes it at checkpoints."""

    def __init__(self, task: Task, split: Split, passes: Passes, mappers: Mappers) -> None:
        self._task = task
        self._split = split
        self._passes = passes
        self._mappers = mappers
        self._folder = split_folder(task.staging.folder, split.name)
        self._package_no = task.package_numbers.get(split.name, 0)
        self._parts: dict[str, OpenPart] = {}
        """By their names; those of what a transformation made come as it makes them."""
        self._packed: set[str] = set()
        """Parts that a package of this read holds: they have their table."""
        self._most_rows = min(task.budget.first_rows, task.budget.package_rows)
        self._building: Path | None = None
        self._opened_at = 0.0
        self._ingested_at = 0
        self._checkpoint: Checkpoint | None = None
        self._beyond_checkpoint = False
        self._ends = False
        """The end of a complete read is in the open package: it closes at the next checkpoint."""
        self._resolved: list[int] = []
        self._log = is_log(split, task.plans)
        self._seals = Seals(task, split, enabled=not self._log)
        self._saved = task.checkpoints.get(split.name)
        self._saved_at = time.monotonic()

    def packages(self, batches: Iterable[Mapped]) -> Iterator[LoadPackage]:
        """Packages as they close, each at a checkpoint."""
        for mapped in batches:
            if not is_heartbeat(mapped.batch):
                try:
                    self._append(mapped)
                except OSError as error:
                    raise disk_error(error, self._folder) from error
            self._beyond_checkpoint = mapped.batch.checkpoint is None
            if mapped.batch.checkpoint is None:
                continue
            self._checkpoint = mapped.batch.checkpoint
            if self._ends or self._full():
                yield self._close(publish=False)
            elif self._building is not None and self._seals.is_due:
                self._seal()
            elif not self._parts and self._heartbeat_is_due():
                yield self._heartbeat()

    def finish(self, *, whole: bool) -> LoadPackage | None:
        """Close what is open.

        With `whole` the split was read to its end: every stream gets its table, and streams
        that are being rebuilt are shown with this package, even when it holds no rows. (History
        in several splits is shown when all of them are delivered; a log makes no tables.)
        Otherwise rows are kept only when a checkpoint follows all of them: the others will
        be read again, and must not be loaded twice.
        """
        partial = bool(self._task.bounds) or self._task.replaying
        alone = not self._log and not self._split.history
        if whole and not partial and not self._log:
            self._complete(alone=alone)
        elif not whole and (self._checkpoint is None or self._beyond_checkpoint):
            self.abandon()
        if self._parts:
            return self._close(publish=whole and not partial and alone)
        moved = self._log and self._has_moved() and not self._beyond_checkpoint
        return self._heartbeat() if moved else None

    def _complete(self, *, alone: bool) -> None:
        """Streams get their tables, and one that is being rebuilt all that it had, without rows.

        What a transformation would have made of a stream without rows nobody knows.
        """
        for stream in self._split.streams:
            rebuilding = alone and self._task.plans[stream].rebuilding
            if rebuilding:
                for event_type in self._mappers.with_tables(stream):
                    self._part(stream, event_type)
            if rebuilding or (stream not in self._packed and not self._mappers.shaping):
                self._part(stream, self._task.plans[stream].event_type)

    def abandon(self) -> None:
        """Forget the open package; its rows will be read again."""
        for part in self._parts.values():
            part.abandon()
        self._parts = {}
        self._seals.closed()
        if self._building is not None:
            shutil.rmtree(self._building, ignore_errors=True)
            self._building = None

    def _append(self, mapped: Mapped) -> None:
        hit("stage.before_write")
        stream = mapped.batch.stream
        part = self._part(stream, mapped.batch.event_type or self._task.plans[stream].event_type)
        if mapped.batch.generation > part.generation:
            # A reload inside an open package (of a log): rows of the older one are obsolete.
            part.restart(mapped.batch.generation)
        part.append(mapped, self._passes.by_stream.get(stream))
        self._ingested_at = max(self._ingested_at, mapped.batch.ingested_at)
        self._ends |= mapped.full_pass is not None and mapped.full_pass.ended
        self._resolved += mapped.batch.replayed
        self._seals.read(mapped.batch.num_rows)
        self._task.states[stream].rows_staged += mapped.rows.num_rows if mapped.rows else 0
        hit("stage.after_write")

    def _part(self, stream: str, event_type: str) -> OpenPart:
        if self._building is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._building = self._folder / f"{BUILDING}{new_id()}"
            self._building.mkdir()
            self._seals.opened(self._building)
            self._opened_at = time.monotonic()
        name = part_name(stream, event_type)
        plan, mapper = self._mappers.of(stream, event_type)
        if name not in self._parts:
            self._parts[name] = OpenPart(
                self._building, len(self._parts), plan, mapper,
                sealing=self._seals.enabled,
            )  # fmt: skip
        else:
            self._parts[name].mapped_by(plan, mapper)
        return self._parts[name]

    def _keyed(self) -> dict[str, str]:
        return {name: part.stream for name, part in self._parts.items() if part.has_keys}

    def _seal(self) -> None:
        """Up to this checkpoint the package would outlive this process."""
        assert self._checkpoint is not None
        self._mappers.save()
        passes, parts = self._passes.by_stream, self._parts.values()
        checkpoint = self._passes.with_closed(self._keyed()).into(self._checkpoint)
        number = self._seals.records
        told = [part.seal(passes.get(part.stream), number) for part in parts]
        try:
            self._seals.add(self._package_no + 1, checkpoint, self._ingested_at, told)
        except OSError as error:
            raise disk_error(error, self._folder) from error

    def _full(self) -> bool:
        budget = self._task.budget
        rows = sum(part.held for part in self._parts.values())
        if rows >= self._most_rows:
            most = budget.log_rows if self._log else budget.package_rows
            self._most_rows = min(_GROWTH * self._most_rows, most)
            return True
        size = sum(part.load_bytes for part in self._parts.values())
        return size >= budget.package_bytes or (
            (rows > 0 or self._log)
            and bool(self._parts)
            and time.monotonic() - self._opened_at >= budget.package_seconds
        )

    def _has_moved(self) -> bool:
        if self._checkpoint is None or self._saved is None:
            return self._checkpoint is not None
        return self._checkpoint.position != self._saved.position

    def _heartbeat_is_due(self) -> bool:
        """The first position is saved at once: other splits wait for it."""
        if not self._has_moved():
            return False
        pause_s = max(self._task.budget.package_seconds, _HEARTBEAT_S)
        return self._saved is None or time.monotonic() - self._saved_at >= pause_s

    def _heartbeat(self) -> LoadPackage:
        """A package that moves the position alone; it needs no files."""
        self._package_no += 1
        self._remember()
        return LoadPackage(
            id=new_id(),
            pipeline=self._task.pipeline,
            split=self._split.name,
            package_no=self._package_no,
            job=self._task.job,
            folder=self._folder / f"{self._package_no:012d}",
            parts=(),
            checkpoint=self._noted(self._saved) if self._saved else None,
            ingested_at=0,
            fence=self._task.fence,
        )

    def _noted(self, checkpoint: Checkpoint) -> Checkpoint:
        """The source's checkpoint with what the engine has to remember with it."""
        checkpoint = self._passes.into(checkpoint)
        if not self._log:
            return checkpoint
        # Once the history of a table is read there is nothing left that would come back.
        emptied = {
            name: at for name, at in self._task.truncated.items() if name in self._task.unread
        }
        return replace(checkpoint, emptied=emptied)

    def _remember(self) -> None:
        """The newest checkpoint is on its way into the catalog."""
        self._saved, self._saved_at = self._checkpoint, time.monotonic()

    def _close(self, *, publish: bool) -> LoadPackage:
        assert self._building is not None
        self._package_no += 1
        self._passes.closed(self._keyed())
        self._mappers.save()
        identity = new_id()
        try:
            parts = tuple(
                part.close(identity, self._passes.by_stream.get(part.stream), publish=publish)
                for part in self._parts.values()
            )
            for part in self._parts.values():
                if part.pass_ended:
                    self._passes.ended(part.stream)
            checkpoint = self._noted(self._checkpoint) if self._checkpoint else None
            package = LoadPackage(
                id=identity,
                pipeline=self._task.pipeline,
                split=self._split.name,
                package_no=self._package_no,
                job=self._task.job,
                folder=self._folder / f"{self._package_no:012d}",
                parts=parts,
                checkpoint=checkpoint,
                ingested_at=self._ingested_at,
                fence=self._task.fence,
                resolved=tuple(self._resolved),
            )
            self._seals.closed(checkpoint)
            closed = self._task.staging.close(self._building, package)
        except OSError as error:
            raise disk_error(error, self._folder) from error
        except PenstockError:
            # Half closed; a second try would count its passes twice.
            self.abandon()
            raise
        self._packed.update(self._parts)
        self._ends = False
        self._remember()
        self._parts, self._building, self._ingested_at, self._resolved = {}, None, 0, []
        return closed
