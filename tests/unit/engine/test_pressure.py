"""Reading waits when loading is slower; sizes follow from the memory budget."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.core.load import Receipt, TableLoad, WriteMode
from penstock.engine.budget import MIB, Budget
from penstock.engine.run import run
from unit.engine.doubles import ListSource, MemoryCatalog, MemoryDestination, task

FAR = 4
"""Batches ahead of the loader that must never be read: one loads, one waits, one is open."""


class Slow(MemoryDestination):
    """Loads only when the reader has run far ahead, or has clearly stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.far = threading.Event()

    def load(self, load: TableLoad) -> Receipt:
        self.far.wait(0.1)
        return super().load(load)


class Counting(ListSource):
    """Notes by how many batches it is ahead of the destination."""

    slow: Slow
    ahead: list[int]

    def read(self, split, checkpoint, context):  # type: ignore[no-untyped-def]
        for at, batch in enumerate(super().read(split, checkpoint, context)):
            self.ahead.append(at + 1 - len(self.slow.loads))
            if self.ahead[-1] >= FAR:
                self.slow.far.set()
            yield batch


def test_reading_waits_for_loading(tmp_path: Path) -> None:
    source = Counting([[{"id": at, "name": "n"}] for at in range(12)])
    source.slow, source.ahead = Slow(), []
    job = task(tmp_path, source, source.slow, MemoryCatalog(), package_rows=1)
    assert run(job, source.plan(source.discover())).fatal is None
    assert len(source.slow.tables["people"]) == 12
    assert max(source.ahead) < FAR


@pytest.mark.parametrize("megabytes", [256, 384, 512, 1024, 4096, 65536])
def test_what_a_job_holds_at_once_fits_the_budget(megabytes: int) -> None:
    budget = Budget.of(megabytes * MIB)
    batches = 3 * budget.readers * budget.batch_bytes
    assert batches + budget.destination_bytes <= megabytes * MIB
    assert budget.batch_rows >= 1


@pytest.mark.parametrize(("megabytes", "told"), [(64, True), (200, True), (256, False)])
def test_a_budget_that_cannot_be_kept_is_told(megabytes: int, told: bool) -> None:
    text = Budget.shortfall(megabytes * 1_000_000)
    assert (text is not None) == told
    assert text is None or f"{megabytes}MB" in text


def test_what_was_freed_goes_back_before_each_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    class Noting(MemoryDestination):
        def load(self, load: TableLoad) -> Receipt:
            order.append("load")
            return super().load(load)

    monkeypatch.setattr("penstock.engine.load.release_freed", lambda: order.append("release"))
    source = ListSource([[{"id": at, "name": "n"}] for at in range(3)])
    job = task(tmp_path, source, Noting(), MemoryCatalog(), package_rows=1)
    assert run(job, source.plan(source.discover())).fatal is None
    assert order == ["release", "load"] * 3


def test_packages_of_a_history_are_smaller_than_those_that_are_merged(tmp_path: Path) -> None:
    batches = [[{"id": at, "name": "n" * 1_000}] for at in range(24)]
    loads = {}
    for mode in (WriteMode.MERGE, WriteMode.HISTORY):
        source, destination = ListSource(batches), MemoryDestination()
        job = task(tmp_path / mode, source, destination, MemoryCatalog(), mode)
        job.budget = replace(job.budget, package_bytes=12_000)
        assert run(job, source.plan(source.discover())).fatal is None
        loads[mode] = len(destination.loads)
    assert loads[WriteMode.HISTORY] > 4 * loads[WriteMode.MERGE]


def test_a_destination_with_memory_of_its_own_gets_larger_packages_of_a_log() -> None:
    ours = Budget.of(512 * MIB, columnar=True)
    theirs = ours.into_server()
    assert theirs.log_rows == 4 * ours.log_rows
    assert theirs.package_bytes == ours.package_bytes
    assert theirs.with_packages_of(100).log_rows == 100


def test_sources_of_columns_get_more_rows_in_the_same_bytes() -> None:
    plain, columnar = (Budget.of(512 * MIB, columnar=kind) for kind in (False, True))
    assert columnar.package_rows > columnar.log_rows > plain.package_rows
    assert columnar.batch_rows > plain.batch_rows
    assert (columnar.package_bytes, columnar.batch_bytes) == (
        plain.package_bytes,
        plain.batch_bytes,
    )


def test_less_memory_never_means_larger_pieces() -> None:
    sizes = [Budget.of(megabytes * MIB) for megabytes in (64, 128, 256, 512, 1024, 8192)]
    for name in ("batch_rows", "batch_bytes", "readers", "destination_bytes"):
        values = [getattr(size, name) for size in sizes]
        assert values == sorted(values)


def test_packages_of_a_chosen_size_have_batches_no_larger() -> None:
    assert Budget().with_packages_of(100).batch_rows == 100
    assert Budget().with_packages_of(None) == Budget()
