"""Open packages that a killed job left: closed as far as their journals go."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core.batch import FailedEvent
from penstock.core.books import Books
from penstock.core.checkpoint import Checkpoint
from penstock.core.clock import new_id
from penstock.core.failpoints import hit
from penstock.core.load import LoadPackage, PackagePart, WriteMode
from penstock.core.mapping import Mapping
from penstock.engine.files import StagedFile
from penstock.engine.journal import Record, blob, records
from penstock.engine.package import BUILDING
from penstock.engine.part import beside, settled, write_failed
from penstock.engine.rowfiles import RowFile, RowFiles
from penstock.engine.seals import place
from penstock.engine.task import StreamPlan, Task


def left_open(staging: Path) -> list[Path]:
    """Folders of packages that were not closed when their job died."""
    return sorted(staging.glob(f"*/{BUILDING}*"))


def forget(buildings: Sequence[Path]) -> None:
    """Remove what is left of them; their other rows will be read again."""
    for building in buildings:
        shutil.rmtree(building, ignore_errors=True)


def recovered(task: Task, building: Path) -> LoadPackage | None:
    """The package as its last seal has it, closed; None when it does not go on from where
    this job's position is, or the folder cannot be used.

    It is what closing at that checkpoint would have made, with an identity of its own, that it
    gets when it is closed: no load was tried before. If this is cut short, it can be done again.
    """
    hit("recover.begun")
    told = list(records(building))
    while told and not _files_are_whole(building, told[-1]):
        told.pop()
    if not told or not _goes_on(task, told[-1].state):
        return None
    try:
        package = _package(building, told)
        hit("recover.before_close")
        closed = task.staging.close(building, package)
    except OSError:
        # No room, mostly; removing the folder makes some, and the rows can be read again.
        return None
    hit("recover.closed")
    return closed


def _goes_on(task: Task, state: dict[str, Any]) -> bool:
    """Whether the rows are the next ones after the position in force, and of the same reload.

    Else they were read and delivered since (staging from a backup), or are obsolete. That the
    plan lacks a stream means so, too.
    """
    split = state["split"]
    plans = [task.plans.get(part["stream"]) for part in state["parts"]]
    same = all(
        plan is not None and plan.generation == part["generation"] and _in_its_mode(plan, part)
        for plan, part in zip(plans, state["parts"], strict=True)
    )
    return (
        same
        and not (task.bounds or task.replaying)
        and state["package_no"] == task.package_numbers.get(split, 0) + 1
        and state["after"] == place(task.checkpoints.get(split))
    )


def _in_its_mode(plan: StreamPlan, part: dict[str, Any]) -> bool:
    """The mode of what a transformation made depends on the key that it gave, not on the plan."""
    if part.get("shaped"):
        return bool((plan.wanted or plan.mode) == part["wanted"])
    return bool(plan.mode == part["mode"])


def _files_are_whole(building: Path, record: Record) -> bool:
    return all(
        RowFile(building / name, size, crc).is_whole
        for part in record.state["parts"]
        for name, size, crc in part["files"]
    )


def _package(building: Path, told: Sequence[Record]) -> LoadPackage:
    state = told[-1].state
    identity = new_id()
    parts = tuple(
        _Part.gathered(building, told, at).closed(identity) for at in range(len(state["parts"]))
    )
    return LoadPackage(
        id=identity,
        pipeline=state["pipeline"],
        split=state["split"],
        package_no=state["package_no"],
        job=state["job"],
        folder=building.parent / f"{state['package_no']:012d}",
        parts=parts,
        checkpoint=Checkpoint.from_json(state["checkpoint"]),
        ingested_at=state["ingested_at"],
        fence=state["fence"],
    )


@dataclass
class _Part:
    """One stream's part, gathered from all records.

    Args:
        state: its newest.
        rows, keys: places of blobs in the journal.
    """

    building: Path
    state: dict[str, Any]
    mapping: dict[str, Any] = field(default_factory=dict)
    failed: list[FailedEvent] = field(default_factory=list)
    rows: list[tuple[int, int]] = field(default_factory=list)
    keys: list[tuple[int, int]] = field(default_factory=list)

    @staticmethod
    def gathered(building: Path, told: Sequence[Record], number: int) -> _Part:
        part = _Part(building, told[-1].state["parts"][number])
        first = part.state["rows_from"]
        for at, record in enumerate(told):
            if number >= len(record.state["parts"]):
                continue
            state = record.state["parts"][number]
            own = record.blobs[sum(record.state["blobs_of"][:number]) :]
            part.mapping = state.get("mapping", part.mapping)
            part.failed += [FailedEvent(**event) for event in state["failed"]]
            if "rows" in state and first is not None and at >= first:
                part.rows.append(own[state["rows"]])
            if "keys" in state:
                part.keys.append(own[state["keys"]])
        return part

    def closed(self, package: str) -> PackagePart:
        state, mode = self.state, WriteMode(self.state["mode"])
        prefix = f"sealed-{state['prefix']}"
        files = [beside(self.building / name, "sealed") for name, _, _ in state["files"]]
        files += self._row_files(f"{prefix}-rows")
        mapping = Mapping.from_dict(self.mapping)
        left_out, dropped = settled(files, mode, mapping)
        rows = sum(pq.read_metadata(file).num_rows for file in files)
        books = Books(**state["books"])
        return PackagePart(
            stream=state["stream"],
            event_type=state["event_type"],
            table=mapping.target,
            key=mapping.key,
            mode=mode,
            generation=state["generation"],
            files=tuple(file.name for file in files),
            rows=rows,
            load_id=f"{package}-p{state['number']}",
            books=replace(books, collapsed=books.collapsed + dropped),
            mapping=self.mapping,
            keys_file=self._keys_file(f"{prefix}-keys.parquet"),
            pass_id=state["pass_id"],
            failed_file=write_failed(self.building, prefix, self.failed),
            attempt=state["attempt"],
            left_out=left_out,
            shaped=state.get("shaped", False),
            groups=state.get("groups"),
        )

    def _row_files(self, prefix: str) -> list[Path]:
        """Rows that were in no file yet, in files now."""
        written = RowFiles(self.building, prefix)
        for batch in self._batches(self.rows):
            written.write(batch)
        written.flush()
        return [file.path for file in written.files]

    def _keys_file(self, name: str) -> str | None:
        written: StagedFile | None = None
        for batch in self._batches(self.keys):
            written = written or StagedFile(self.building / name, batch.schema)
            written.write(batch.cast(written.schema))
        if written is None:
            return None
        written.close()
        return name

    def _batches(self, places: Sequence[tuple[int, int]]) -> Iterator[pa.RecordBatch]:
        for at in places:
            with pa.ipc.open_stream(blob(self.building, at)) as stream:
                yield from stream
