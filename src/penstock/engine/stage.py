"""Collect mapped rows of one split into packages of Parquet files."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from penstock.core.checkpoint import Checkpoint
from penstock.core.clock import new_id
from penstock.core.errors import PenstockError
from penstock.core.failpoints import hit
from penstock.core.load import LoadPackage
from penstock.core.stream import Split
from penstock.engine.folders import split_folder
from penstock.engine.mapping import Mapped, Mapper
from penstock.engine.package import BUILDING, disk_error
from penstock.engine.part import OpenPart
from penstock.engine.passes import Passes
from penstock.engine.task import Task


class Stager:
    """Writes the open package of one split and closes it at checkpoints."""

    def __init__(
        self, task: Task, split: Split, passes: Passes, mappers: dict[str, Mapper]
    ) -> None:
        self._task = task
        self._split = split
        self._passes = passes
        self._mappers = mappers
        self._folder = split_folder(task.staging.folder, split.name)
        self._package_no = task.package_numbers.get(split.name, 0)
        self._parts: dict[str, OpenPart] = {}
        self._packed: set[str] = set()
        """Streams that a package of this read holds: they have their table."""
        self._building: Path | None = None
        self._opened_at = 0.0
        self._ingested_at = 0
        self._checkpoint: Checkpoint | None = None
        self._beyond_checkpoint = False
        self._resolved: list[int] = []

    def packages(self, batches: Iterable[Mapped]) -> Iterator[LoadPackage]:
        """Packages as they close, each at a checkpoint."""
        for mapped in batches:
            try:
                self._append(mapped)
            except OSError as error:
                raise disk_error(error, self._folder) from error
            self._beyond_checkpoint = mapped.batch.checkpoint is None
            if mapped.batch.checkpoint is not None:
                self._checkpoint = mapped.batch.checkpoint
                if self._full() or self._ends_something(mapped):
                    yield self._close(publish=False)

    def finish(self, *, whole: bool) -> LoadPackage | None:
        """Close what is open.

        With `whole` the split was read to its end: every stream gets its table, and streams
        that are being rebuilt are shown with this package, even when it holds no rows.
        Otherwise rows are kept only when a checkpoint follows all of them: the others will
        be read again, and must not be loaded twice.
        """
        partial = bool(self._task.bounds) or self._task.replaying
        if whole and not partial:
            for name in self._split.streams:
                if name not in self._packed or self._task.plans[name].rebuilding:
                    self._part(name)
        elif not whole and (self._checkpoint is None or self._beyond_checkpoint):
            self.abandon()
        return self._close(publish=whole and not partial) if self._parts else None

    def abandon(self) -> None:
        """Forget the open package; its rows will be read again."""
        for part in self._parts.values():
            part.abandon()
        self._parts = {}
        if self._building is not None:
            shutil.rmtree(self._building, ignore_errors=True)
            self._building = None

    def _append(self, mapped: Mapped) -> None:
        hit("stage.before_write")
        name = mapped.batch.stream
        part = self._part(name)
        if mapped.batch.generation > part.generation:
            # A reload inside an open package: rows of the older generation are obsolete.
            part.restart(mapped.batch.generation)
        part.append(mapped, self._passes.by_stream.get(name))
        self._ingested_at = max(self._ingested_at, mapped.batch.ingested_at)
        self._resolved += mapped.batch.replayed
        self._task.states[name].rows_staged += mapped.rows.num_rows if mapped.rows else 0
        hit("stage.after_write")

    def _part(self, name: str) -> OpenPart:
        if self._building is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._building = self._folder / f"{BUILDING}{new_id()}"
            self._building.mkdir()
            self._opened_at = time.monotonic()
        if name not in self._parts:
            self._parts[name] = OpenPart(
                self._building, len(self._parts), self._task.plans[name], self._mappers[name]
            )
        return self._parts[name]

    def _full(self) -> bool:
        budget = self._task.budget
        rows = sum(part.rows for part in self._parts.values())
        size = sum(part.bytes for part in self._parts.values())
        return (
            rows >= budget.package_rows
            or size >= budget.package_bytes
            or (rows > 0 and time.monotonic() - self._opened_at >= budget.package_seconds)
        )

    def _ends_something(self, mapped: Mapped) -> bool:
        """The end of a complete read closes its package, so that its sweep sees all keys."""
        return mapped.full_pass is not None and mapped.full_pass.ended

    def _close(self, *, publish: bool) -> LoadPackage:
        assert self._building is not None
        self._package_no += 1
        keyed = {name for name, part in self._parts.items() if part.has_keys}
        self._passes.closed(keyed)
        for mapper in self._mappers.values():
            mapper.save()
        identity = new_id()
        try:
            parts = tuple(
                part.close(identity, self._passes.by_stream.get(name), publish=publish)
                for name, part in self._parts.items()
            )
            for name, part in self._parts.items():
                if part.pass_ended:
                    self._passes.ended(name)
            checkpoint = self._passes.into(self._checkpoint) if self._checkpoint else None
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
            closed = self._task.staging.close(self._building, package)
        except OSError as error:
            raise disk_error(error, self._folder) from error
        except PenstockError:
            # Half closed; a second try would count its passes twice.
            self.abandon()
            raise
        self._packed.update(self._parts)
        self._parts, self._building, self._ingested_at, self._resolved = {}, None, 0, []
        return closed
