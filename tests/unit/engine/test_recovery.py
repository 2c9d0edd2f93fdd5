"""What a killed job had open is closed by the next one, up to its last seal."""

from __future__ import annotations

import copy
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from penstock.core.batch import Batch, FailedEvent
from penstock.core.checkpoint import Checkpoint
from penstock.core.load import WriteMode
from penstock.core.stream import Split, Stream
from penstock.engine.journal import JOURNAL
from penstock.engine.recovery import left_open
from penstock.engine.run import deliver_leftovers, run
from penstock.engine.task import Task
from penstock.sdk.source import ReadContext
from unit.engine.doubles import PEOPLE, ListSource, MemoryCatalog, MemoryDestination, task

KEYLESS = Stream("people", PEOPLE.schema)


@dataclass
class Died:
    """A process that was killed at one moment: its disk, its catalog, its destination."""

    folder: Path
    catalog: MemoryCatalog
    destination: MemoryDestination

    def next_job(self, source: ListSource, mode: WriteMode = WriteMode.MERGE) -> Task:
        return task(self.folder, source, self.destination, self.catalog, mode)

    def go_on(self, source: ListSource, mode: WriteMode = WriteMode.MERGE) -> Task:
        job = self.next_job(source, mode)
        start(job)
        return job

    @property
    def building(self) -> Path:
        (found,) = left_open(self.folder / "staging")
        return found


@dataclass
class Dying(ListSource):
    """Calls `dies` when the batch of this number is asked for: all before it were staged."""

    dies_at: int = -1
    dies: Callable[[], None] = lambda: None

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        start_at = checkpoint.position["next"] if checkpoint else 0
        for at, batch in enumerate(super().read(split, checkpoint, context), start_at):
            if at == self.dies_at:
                self.dies()
            yield batch


@dataclass
class Plain(Dying):
    """The same, and its rows are no part of a complete read."""

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        for batch in super().read(split, checkpoint, context):
            yield replace(batch, full_pass=None)


@dataclass
class World:
    """Runs a job that goes on to its end; what is seen is a copy made when it would have died."""

    root: Path
    mode: WriteMode = WriteMode.MERGE
    catalog: MemoryCatalog = field(default_factory=MemoryCatalog)
    destination: MemoryDestination = field(default_factory=MemoryDestination)

    def killed(self, source: Dying, package_rows: int = 1_000) -> Died:
        died: list[Died] = []

        def dies() -> None:
            folder = self.root / "copy"
            # The thread that loads must not change anything while it is copied.
            wait_for(lambda: not list((self.root / "live").glob("staging/*/0*")))
            shutil.copytree(self.root / "live", folder)
            died.append(Died(folder, copy.deepcopy(self.catalog), copy.deepcopy(self.destination)))

        source.dies = dies
        (self.root / "live" / "staging").mkdir(parents=True)
        start(
            task(self.root / "live", source, self.destination, self.catalog, self.mode,
                 package_rows=package_rows)
        )  # fmt: skip
        return died[0]


def wait_for(done: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if done():
            return
        time.sleep(0.01)
    pytest.fail("Packages were not delivered.")


def start(job: Task) -> None:
    outcome = run(job, job.source.plan(job.source.discover()))
    assert outcome.fatal is None
    assert outcome.splits == {}


def rows(*ids: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"n{number}", **more} for number in ids]


BATCHES = [rows(1, 2), rows(3), rows(4, 2), rows(5, city="Pune"), rows(6), rows(7)]
MODES = (WriteMode.MERGE, WriteMode.APPEND, WriteMode.HISTORY)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("at", range(1, len(BATCHES)))
@pytest.mark.parametrize("package_rows", [3, 1_000])
def test_no_batch_before_the_kill_is_read_again(
    tmp_path: Path, at: int, mode: WriteMode, package_rows: int
) -> None:
    died = World(tmp_path, mode).killed(Plain(BATCHES, dies_at=at), package_rows)
    source = Plain(BATCHES)
    died.go_on(source, mode)
    assert source.reads == [at]
    every = [row for batch in BATCHES for row in batch]
    ids = {row["id"] for row in every} if mode is WriteMode.MERGE else [r["id"] for r in every]
    stored = died.destination.tables["people"]
    assert Counter(row["id"] for row in stored) == Counter(ids)
    assert {row.get("city") for row in stored} == {None, "Pune"}
    books = [part.books for commit in died.catalog.commits for part in commit.parts]
    assert sum(item.read for item in books) == len(every)
    assert left_open(died.folder / "staging") == []


def test_two_kills_in_a_row(tmp_path: Path) -> None:
    died = World(tmp_path / "1").killed(Plain(BATCHES, dies_at=2))
    shutil.copytree(died.folder, tmp_path / "2" / "live")
    again = World(tmp_path / "2", catalog=died.catalog, destination=died.destination)
    shutil.move(tmp_path / "2" / "live" / "staging", tmp_path / "2" / "kept")
    # The second job finds what the first one left.
    source = Plain(BATCHES, dies_at=4)
    again_died: list[Died] = []

    def dies() -> None:
        shutil.copytree(tmp_path / "2" / "live", tmp_path / "2" / "copy")
        again_died.append(
            Died(
                tmp_path / "2" / "copy",
                copy.deepcopy(again.catalog),
                copy.deepcopy(again.destination),
            )
        )

    source.dies = dies
    shutil.move(tmp_path / "2" / "kept", tmp_path / "2" / "live" / "staging")
    start(task(tmp_path / "2" / "live", source, again.destination, again.catalog))
    last = Plain(BATCHES)
    again_died[0].go_on(last)
    assert (source.reads, last.reads) == ([2], [4])
    assert {row["id"] for row in again_died[0].destination.tables["people"]} == set(range(1, 8))


def test_keys_of_a_complete_read_are_kept(tmp_path: Path) -> None:
    world = World(tmp_path)
    start(task(tmp_path / "live", ListSource([rows(8, 9)]), world.destination, world.catalog))
    shutil.rmtree(tmp_path / "live")
    died = world.killed(Dying([rows(1, 2), rows(3, 9), rows(4)], dies_at=2))
    job = died.next_job(Dying([rows(1, 2), rows(3, 9), rows(4)]))
    job.plans = {name: replace(plan, delete_safety=1.0) for name, plan in job.plans.items()}
    start(job)
    stored = {row["id"]: row for row in died.destination.tables["people"]}
    assert {number for number, row in stored.items() if row.get("_ps_deleted")} == {8}


def test_failed_events_are_kept(tmp_path: Path) -> None:
    bad = FailedEvent("people", "INGESTION", "PARSE_ERROR", "not readable", '{"id": "x"}')
    extra = {0: {"failed": (bad,)}, 1: {"failed": (bad,)}}
    died = World(tmp_path).killed(Plain(BATCHES, extra=extra, dies_at=3))
    died.go_on(Plain(BATCHES))
    assert [len(commit.failed) for commit in died.catalog.commits] == [2, 0]


def test_after_a_clean_end_nothing_is_open(tmp_path: Path) -> None:
    world = World(tmp_path)
    source = Plain(BATCHES)
    job = task(tmp_path, source, world.destination, world.catalog)
    start(job)
    assert not job.cut_short
    assert left_open(tmp_path / "staging") == []


def test_sources_are_told_of_a_kill(tmp_path: Path) -> None:
    died = World(tmp_path).killed(Plain(BATCHES, dies_at=2))
    assert died.go_on(Plain(BATCHES)).cut_short


@pytest.mark.parametrize("keep", [0.0, 0.4, 0.9])
def test_a_torn_journal_counts_up_to_its_last_whole_record(tmp_path: Path, keep: float) -> None:
    died = World(tmp_path).killed(Plain(BATCHES, dies_at=5))
    journal = died.building / JOURNAL
    data = journal.read_bytes()
    journal.write_bytes(data[: int(len(data) * keep)])
    source = Plain(BATCHES)
    died.go_on(source)
    assert source.reads[0] == {0.0: 0, 0.4: source.reads[0], 0.9: 4}[keep] < 5
    assert {row["id"] for row in died.destination.tables["people"]} == set(range(1, 8))


def test_a_flipped_byte_in_the_journal_is_seen(tmp_path: Path) -> None:
    died = World(tmp_path).killed(Plain(BATCHES, dies_at=3))
    journal = died.building / JOURNAL
    data = bytearray(journal.read_bytes())
    data[-20] ^= 1
    journal.write_bytes(bytes(data))
    source = Plain(BATCHES)
    died.go_on(source)
    assert source.reads == [2]


@pytest.mark.parametrize("harm", ["short", "changed", "gone"])
def test_a_file_that_is_not_whole_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    monkeypatch.setattr("penstock.engine.rowfiles.GROUP_ROWS", 1)
    died = World(tmp_path).killed(Plain(BATCHES, dies_at=3))
    last = max(died.building.glob("*.parquet"))
    data = last.read_bytes()
    if harm == "gone":
        last.unlink()
    else:
        last.write_bytes(data[:-1] if harm == "short" else bytes([data[0] ^ 1, *data[1:]]))
    source = Plain(BATCHES)
    died.go_on(source)
    assert source.reads == [2]
    assert {row["id"] for row in died.destination.tables["people"]} == set(range(1, 8))


def test_files_are_closed_once_more_when_that_was_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.engine.rowfiles.GROUP_ROWS", 1)
    died = World(tmp_path).killed(Plain(BATCHES, dies_at=5))
    job = died.next_job(Plain(BATCHES))

    class Killed(BaseException):
        pass

    def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        # Key 2 came twice: a file was written anew before this.
        patch.setattr(type(job.staging), "close", dies)
        with pytest.raises(Killed):
            deliver_leftovers(job)
    source = Plain(BATCHES)
    died.go_on(source)
    assert source.reads == [5]
    assert {row["id"] for row in died.destination.tables["people"]} == set(range(1, 8))


def test_rows_that_were_delivered_since_do_not_come_again(tmp_path: Path) -> None:
    world = World(tmp_path, WriteMode.APPEND)
    died = world.killed(Plain(BATCHES, stream=KEYLESS, dies_at=3))
    # The job went on and delivered all; then its staging area was set back.
    late = Died(died.folder, world.catalog, world.destination)
    late.go_on(Plain([*BATCHES, rows(8)], stream=KEYLESS), WriteMode.APPEND)
    stored = Counter(row["id"] for row in world.destination.tables["people"])
    assert stored[3] == 2  # once in each complete read, not a third time


def test_another_position_makes_them_void(tmp_path: Path) -> None:
    died = World(tmp_path).killed(Plain(BATCHES, dies_at=3))
    source = Plain(BATCHES)
    job = died.next_job(source)
    job.checkpoints["people"] = Checkpoint({"next": 1, "pass": "other"})
    start(job)
    assert source.reads == [1]


def test_a_full_reload_makes_them_void(tmp_path: Path) -> None:
    died = World(tmp_path).killed(Plain(BATCHES, dies_at=3))
    source = Plain(BATCHES)
    job = died.next_job(source)
    job.plans = {name: replace(plan, generation=1) for name, plan in job.plans.items()}
    start(job)
    assert source.reads == [0]
    assert {part.generation for c in died.catalog.commits for part in c.parts} == {1}


def test_a_folder_that_is_full_costs_only_reading_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = World(tmp_path).killed(Plain(BATCHES, dies_at=3))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    source = Plain(BATCHES)
    with monkeypatch.context() as patch:
        patch.setattr("penstock.engine.recovery.settled", full)
        died.go_on(source)
    assert source.reads == [0]
