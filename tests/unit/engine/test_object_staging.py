"""Packages in an object store: jobs that go on with nothing but the store and the catalog."""

from __future__ import annotations

import errno
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from penstock.core.errors import InternalError, StagingAway, TransientError
from penstock.core.load import TableLoad, WriteMode
from penstock.core.store_place import StorePlace
from penstock.engine.object_staging import ObjectStaging
from penstock.engine.run import Outcome, run
from penstock.sdk.destination import Refused
from penstock.sdk.objects import Objects, open_objects
from unit.engine.doubles import ListSource, MemoryCatalog, MemoryDestination, task

AWAY = TransientError("away", code="destination.unreachable")
PREFIX = "p/1"


def rows(*ids: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"n{number}", **more} for number in ids]


class Machines:
    """One pipeline, each job of it on a machine that knows nothing of the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "store"
        self.objects = open_objects(StorePlace.of(f"file://{self.root}", {}))
        self.destination = MemoryDestination()
        self.catalog = MemoryCatalog()
        self._machine = count()

    def staging(self) -> ObjectStaging:
        disk = self.folder / f"machine{next(self._machine)}"
        return ObjectStaging(self.objects, PREFIX, disk / "open", disk / "failed")

    def run(self, source: ListSource, **options: Any) -> Outcome:
        job = task(
            self.folder, source, self.destination, self.catalog, staging=self.staging(), **options
        )
        return run(job, source.plan(source.discover()))

    def stored(self) -> list[int]:
        found = self.destination.tables.get("people", [])
        return sorted(row["id"] for row in found if not row.get("_ps_deleted"))

    def listed(self, below: str = "packages") -> list[str]:
        return sorted(self.objects.list(f"{PREFIX}/{below}"))

    def leave_a_package(self, **options: Any) -> None:
        """A job that reads half of the source and cannot deliver it."""
        source = ListSource([rows(1), rows(2)], fail_at=1, error=TransientError("source away"))
        self.destination.away = [AWAY]
        self.run(source, **options)
        assert [key for key in self.listed() if key.endswith("package.json")]


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines(tmp_path)


def test_a_package_is_loaded_and_leaves_nothing(machines: Machines) -> None:
    assert machines.run(ListSource([rows(1, 2), rows(3)]), package_rows=1).fatal is None
    assert machines.stored() == [1, 2, 3]
    assert machines.listed() == []


@pytest.mark.parametrize("mode", [WriteMode.MERGE, WriteMode.APPEND])
def test_another_machine_delivers_what_waits(machines: Machines, mode: WriteMode) -> None:
    machines.leave_a_package(mode=mode)
    source = ListSource([rows(1), rows(2)])
    assert machines.run(source, mode=mode).fatal is None
    assert source.reads == [1]
    assert machines.stored() == [1, 2]
    assert machines.listed() == []


def test_a_package_without_its_card_does_not_exist(machines: Machines) -> None:
    machines.leave_a_package()
    card = next(key for key in machines.listed() if key.endswith("package.json"))
    machines.objects.delete([card])
    assert machines.listed() != []
    source = ListSource([rows(1), rows(2)])
    machines.run(source, mode=WriteMode.APPEND)
    assert source.reads == [0]
    assert machines.stored() == [1, 2]
    assert machines.listed() == []


def test_files_of_a_writer_that_came_second_go(machines: Machines) -> None:
    machines.leave_a_package()
    card = next(key for key in machines.listed() if key.endswith("package.json"))
    machines.objects.create(card.replace("package.json", "01OTHER/p0.parquet"), b"x")
    machines.run(ListSource([rows(1), rows(2)]))
    assert machines.listed() == []


def test_other_catalogs_and_pipelines_are_left_alone(machines: Machines) -> None:
    others = [f"p/2/packages/people/{1:012d}/01A/f.parquet", "p2/1/packages/x/1/01A/f.parquet"]
    for key in others:
        machines.objects.create(key, b"half an upload")
    machines.run(ListSource([rows(1)]))
    assert [machines.objects.read(key) for key in others] == [b"half an upload"] * 2


def test_the_second_writer_of_a_number_is_stopped(machines: Machines) -> None:
    machines.leave_a_package()
    source = ListSource([rows(7)])
    late = task(
        machines.folder, source, machines.destination, machines.catalog, staging=machines.staging()
    )
    late.staging.pending = lambda: iter(())  # type: ignore[method-assign]
    outcome = run(late, source.plan(source.discover()))
    assert isinstance(outcome.fatal, InternalError)
    assert outcome.fatal.code == "job.fenced"
    assert machines.stored() == []
    machines.run(ListSource([rows(1), rows(2)]))
    assert machines.stored() == [1, 2]
    assert machines.listed() == []


def test_a_card_that_a_newer_job_removed_does_not_return(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that slept while another took over wakes up with a refused row."""
    machines.leave_a_package()
    machines.destination.refuse = {1}
    refused = machines.destination.refused

    def overtaken(load: TableLoad) -> list[Refused]:
        monkeypatch.undo()
        assert machines.run(ListSource([rows(1), rows(2)])).fatal is None
        return refused(load)

    monkeypatch.setattr(machines.destination, "refused", overtaken)
    outcome = machines.run(ListSource([rows(1), rows(2)]))
    assert isinstance(outcome.fatal, InternalError)
    assert outcome.fatal.code == "job.fenced"
    assert [key for key in machines.listed() if key.endswith("package.json")] == []


def test_a_full_disk_stops_what_is_fetched_and_loses_nothing(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    machines.leave_a_package()
    with monkeypatch.context() as patch:
        patch.setattr(Objects, "download", full)
        outcome = machines.run(ListSource([rows(1), rows(2)]))
    assert outcome.fatal is not None
    assert outcome.fatal.code == "staging.disk_full"
    machines.run(ListSource([rows(1), rows(2)]))
    assert machines.stored() == [1, 2]


def test_a_missing_or_short_file_stops_the_job(machines: Machines) -> None:
    machines.leave_a_package()
    data = next(key for key in machines.listed() if key.endswith(".parquet"))
    machines.objects.replace(data, machines.objects.read(data), b"short")
    for _ in range(2):
        outcome = machines.run(ListSource([rows(1), rows(2)]))
        assert outcome.fatal is not None
        assert outcome.fatal.code == "staging.damaged"
        assert machines.stored() == []
        machines.objects.delete([data])


def test_refused_rows_are_out_of_the_package_on_every_machine(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        raise TransientError("away", code="catalog.busy")

    machines.destination.refuse = {2}
    with monkeypatch.context() as patch:
        patch.setattr(machines.catalog, "commit", away)
        assert machines.run(ListSource([rows(1, 2, 3)]), mode=WriteMode.APPEND).fatal is not None
    assert machines.stored() == [1, 3]
    # What was loaded under its new id is found in the store under the same id.
    machines.run(ListSource([]), mode=WriteMode.APPEND)
    assert sum(load.rows for load in machines.destination.loads) == 2
    assert machines.stored() == [1, 3]
    assert machines.listed() == []
    failed = [row for record in machines.catalog.commits for row in record.failed]
    with machines.staging().open_failed(failed[0].file) as file:
        assert pq.read_table(file).to_pylist()[failed[0].file_row]["raw"] == (
            '{"id": 2, "name": "n2"}'
        )
    assert [key.rpartition("/")[2] for key in machines.listed("failed")] == [failed[0].file]
    machines.staging().forget_failed([failed[0].file, "gone.parquet"])
    assert machines.listed("failed") == []


def test_keys_of_a_read_outlive_the_machine(machines: Machines) -> None:
    machines.run(ListSource([rows(1, 2, 3, 4)]))
    source = ListSource([rows(1), rows(2), rows(3)], fail_at=2, error=TransientError("away"))
    assert "people" in machines.run(source, package_rows=1).splits
    assert len(machines.listed("packages/people/keys")) == 2
    source.fail_at = None
    machines.run(source, package_rows=1)
    assert source.reads == [0, 2]
    assert machines.stored() == [1, 2, 3]
    assert machines.listed() == []


def test_a_store_that_is_away_stops_the_job_and_loses_nothing(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StagingAway("s3://b does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "upload", away)
        outcome = machines.run(ListSource([rows(1), rows(2)]), package_rows=1)
    assert outcome.fatal is not None
    assert (outcome.fatal.code, outcome.fatal.exit_code) == ("staging.unreachable", 75)
    machines.run(ListSource([rows(1), rows(2)]), mode=WriteMode.APPEND)
    assert machines.stored() == [1, 2]
    assert machines.listed() == []
