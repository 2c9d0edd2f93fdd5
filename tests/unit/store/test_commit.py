"""The commit of a package: all of it or nothing, and once."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.core.books import Books
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import ConfigError, InternalError
from penstock.core.load import Receipt
from penstock.core.records import FailedFilter, FailedState, Generation, JobRecord
from penstock.store import Catalog
from unit.store.kit import PIPELINE, Clock, begin, books, failed_row, package, part

UNBALANCED = Books(read=10, loaded=9, inserted=9)

WRITER = """
import sys
from penstock.store import Catalog
from unit.store.kit import PIPELINE, begin, failed_row, package
catalog = Catalog.open(sys.argv[1])
job = begin(catalog)
print(job.id, job.fence, flush=True)
for number in range(1, 100_000):
    catalog.commit(package(job, number, failed=(failed_row(number),), warnings=(f"w{number}",)))
    print(number, flush=True)
"""


def state(catalog: Catalog, job: JobRecord) -> tuple[Any, ...]:
    """All that a commit may change."""
    return (
        catalog.positions.load(PIPELINE),
        catalog.positions.generations(PIPELINE),
        catalog.pipelines.get(PIPELINE),
        catalog.jobs.get(job.id),
        catalog.failed.list(PIPELINE, FailedFilter(states=())),
    )


def test_a_commit_moves_position_counts_and_floor_together(
    catalog: Catalog, job: JobRecord, clock: Clock
) -> None:
    record = package(job, 4, failed=(failed_row(0),), warnings=("late",), pass_info={"id": "p"})
    assert catalog.commit(record)
    position = catalog.positions.load(PIPELINE)["contacts"]
    assert position.checkpoint == record.checkpoint
    assert (position.package_no, position.pass_info, position.updated_at) == (
        4, {"id": "p"}, clock.ms,
    )  # fmt: skip
    saved = catalog.jobs.get(job.id)
    assert [(item.object, item.books) for item in saved.objects] == [("contacts", books(10))]
    assert saved.warnings == ("late",)
    assert catalog.pipelines.get(PIPELINE).ingested_floor == record.ingested_at
    assert [(row.job, row.n) for row in catalog.failed.list(PIPELINE)] == [(job.id, 0)]


def test_a_package_is_counted_once_however_often_it_is_committed(
    catalog: Catalog, job: JobRecord
) -> None:
    record = package(job, failed=(failed_row(0),), warnings=("w",))
    catalog.commit(record)
    before = state(catalog, job)
    assert not catalog.commit(record)
    assert state(catalog, job) == before


def test_a_known_package_is_known_to_the_next_job_too(catalog: Catalog, job: JobRecord) -> None:
    catalog.commit(package(job))
    following = begin(catalog)
    assert not catalog.commit(package(following))
    assert not catalog.commit(package(job)), "and for the overtaken job it is no error"
    assert catalog.jobs.get(following.id).objects == ()


def test_counts_of_packages_add_up_per_event_type(catalog: Catalog, job: JobRecord) -> None:
    for number in (1, 2):
        lines = part(f"{number}-b", 5, event_type="contacts_lines")
        catalog.commit(package(job, number, parts=(part(f"{number}-a", 3), lines)))
    found = {item.event_type: item.books.loaded for item in catalog.jobs.get(job.id).objects}
    assert found == {"contacts": 6, "contacts_lines": 10}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"fence": 0}, "job.fenced", id="an overtaken job saves nothing"),
        pytest.param({"package_no": 1}, "job.package_order", id="packages come in order"),
        pytest.param(
            {"parts": (part("x", books=UNBALANCED),)}, "internal.books", id="books must balance"
        ),
        pytest.param(
            {"parts": (part("x"), part("y", published=True, generation=-1))},
            "generation.overtaken",
            id="an old generation is never shown again",
        ),
        pytest.param({"job": "nobody"}, "catalog.unexpected", id="the job must exist"),
    ],
)
def test_a_refused_commit_leaves_no_trace(
    catalog: Catalog, job: JobRecord, change: dict[str, Any], code: str
) -> None:
    catalog.commit(package(job, 1))
    before = state(catalog, job)
    wrong = package(job, 2, failed=(failed_row(0),), warnings=("w",))
    with pytest.raises(InternalError) as raised:
        catalog.commit(type(wrong)(**{**vars(wrong), **change}))
    assert raised.value.code == code
    assert state(catalog, job) == before
    assert catalog.commit(package(job, 2)), "its id is not taken"


def test_an_unknown_pipeline_cannot_be_committed_to(catalog: Catalog, job: JobRecord) -> None:
    with pytest.raises(ConfigError):
        catalog.commit(package(job, pipeline="nothing"))


def test_a_package_without_checkpoint_or_pass_leaves_the_saved_ones(
    catalog: Catalog, job: JobRecord
) -> None:
    catalog.commit(package(job, 1, pass_info={"id": "p"}))
    catalog.commit(package(job, 2, checkpoint=None, parts=()))
    position = catalog.positions.load(PIPELINE)["contacts"]
    assert position.checkpoint == Checkpoint({"page": 1}, {"udate": "day 1"})
    assert (position.package_no, position.pass_info) == (2, {"id": "p"})
    catalog.commit(package(job, 3, pass_info={}))
    assert catalog.positions.load(PIPELINE)["contacts"].pass_info is None


def test_the_position_carries_the_generation_of_its_rows(catalog: Catalog, job: JobRecord) -> None:
    catalog.commit(package(job, 1, parts=(part("a", generation=3),)))
    catalog.commit(package(job, 2, parts=()))
    assert catalog.positions.load(PIPELINE)["contacts"].generation == 3


def test_a_package_that_ends_a_reload_publishes_it(catalog: Catalog, job: JobRecord) -> None:
    catalog.positions.set_generation(PIPELINE, "contacts", Generation(0, 1, "merge"))
    catalog.commit(package(job, 1, parts=(part("a", generation=1, published=True),)))
    assert catalog.positions.generations(PIPELINE) == {"contacts": Generation(1, None)}


def test_the_floor_never_sinks(catalog: Catalog, job: JobRecord) -> None:
    catalog.commit(package(job, 1, ingested_at=500))
    catalog.commit(package(job, 2, ingested_at=400))
    assert catalog.pipelines.get(PIPELINE).ingested_floor == 500


def test_a_receipt_is_saved_with_its_package(catalog: Catalog, job: JobRecord) -> None:
    receipt = Receipt("a", "ac_contacts", inserted=6, updated=3, unchanged=1, held=2)
    proven = Books(read=10, loaded=10, inserted=6, updated=3, unchanged=1)
    catalog.commit(package(job, parts=(part("a", receipt=receipt, books=proven),)))
    with pytest.raises(InternalError):  # a load id names one load for ever
        catalog.commit(package(job, 2, parts=(part("a", receipt=receipt, books=proven),)))
    assert catalog.positions.load(PIPELINE)["contacts"].package_no == 1


def test_replayed_events_are_resolved_by_the_package_that_carries_them(
    catalog: Catalog, job: JobRecord
) -> None:
    catalog.commit(package(job, 1, failed=(failed_row(0), failed_row(1), failed_row(2))))
    first, second, third = catalog.failed.list(PIPELINE)
    catalog.failed.mark(PIPELINE, [third.id], FailedState.SKIPPED)
    again = failed_row(0, attempt=1)
    catalog.commit(package(job, 2, resolved=(first.id, second.id, third.id), failed=(again,)))
    rows = catalog.failed.list(PIPELINE, FailedFilter(states=()))
    assert [(row.state, row.attempt) for row in rows] == [
        ("RESOLVED", 0), ("RESOLVED", 0), ("SKIPPED", 0), ("FAILED", 1),
    ]  # fmt: skip


def test_old_packages_are_forgotten_but_the_newest_hundred_of_a_split_stay_known(
    catalog: Catalog, job: JobRecord, clock: Clock
) -> None:
    records = [package(job, number) for number in range(1, 121)]
    for record in records:
        catalog.commit(record)
    clock.ms += 91 * 86_400_000
    assert catalog.purge() == 20
    assert not catalog.commit(records[20])


@pytest.mark.parametrize("after", [1, 2, 17])
def test_a_process_killed_between_commits_leaves_whole_packages(
    url: str, catalog: Catalog, after: int
) -> None:
    child = start_writer(url, {})
    for _ in range(after):
        child.stdout.readline()
    child.kill()
    job, last = finish_reading(child)
    assert_whole(catalog, job, at_least=last)


@pytest.mark.parametrize("nth", [1, 5])
def test_a_process_killed_inside_a_commit_leaves_nothing_of_it(
    url: str, catalog: Catalog, nth: int
) -> None:
    child = start_writer(url, {"PENSTOCK_FAILPOINT": f"commit.in_transaction:{nth}"})
    assert child.wait() == -signal.SIGKILL
    job, last = finish_reading(child)
    assert last == nth - 1
    assert_whole(catalog, job, at_least=last, at_most=last)
    assert catalog.jobs.list()[0].status == "IN_PROGRESS"
    following = begin(catalog)
    for number in range(1, nth + 1):  # the packages come again, as from staging
        assert catalog.commit(package(following, number)) == (number == nth)


def start_writer(url: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    tests = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url],
        stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": tests, **environment},
    )  # fmt: skip


def finish_reading(child: subprocess.Popen[str]) -> tuple[str, int]:
    """The job's id (empty when that line was read before) and the last package it reported."""
    with child:
        assert child.stdout is not None
        lines = child.stdout.read().split("\n")[:-1]
    job = lines[0].split()[0] if lines and " " in lines[0] else ""
    numbers = [int(line) for line in lines if line.isdigit()]
    return job, max(numbers, default=0)


def assert_whole(
    catalog: Catalog, job_id: str, *, at_least: int, at_most: int | None = None
) -> None:
    job = catalog.jobs.list()[0]
    assert job_id in (job.id, "")
    position = catalog.positions.load(PIPELINE).get("contacts")
    packages = position.package_no if position is not None else 0
    assert packages >= at_least
    assert at_most is None or packages <= at_most
    assert job.totals.loaded == packages * 10
    assert [row.n for row in catalog.failed.list(PIPELINE, limit=None)] == list(
        range(1, packages + 1)
    )
    assert len(catalog.jobs.get(job.id).warnings) == min(packages, 500)
    if position is not None and position.checkpoint is not None:
        assert position.checkpoint.position == {"page": packages}
