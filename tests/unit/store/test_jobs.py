"""Jobs: their end, their objects, the wish to stop them, their retention."""

from dataclasses import replace

import pytest

from penstock.core.errors import ConfigError
from penstock.core.records import JobRecord, JobStatus, ObjectRecord, ObjectStatus
from penstock.store import Catalog
from penstock.store.job_rows import MOST_WARNINGS
from unit.store.kit import PIPELINE, Clock, begin, books, package, part

DAY_MS = 86_400_000


def test_a_finished_job_reads_as_it_was_told(
    catalog: Catalog, job: JobRecord, clock: Clock
) -> None:
    clock.ms += 5_000
    error = {"code": "x.y", "message": "m", "hint": None, "where": {"object": "deals"}}
    assert catalog.jobs.finish(
        job.id, "FAILED", error=error, totals=books(7), source={"calls": 3}, seconds=5.0,
        warnings=["careful"],
    )  # fmt: skip
    assert catalog.jobs.get(job.id) == replace(
        job, status=JobStatus.FAILED, error=error, totals=books(7), source={"calls": 3},
        seconds=5.0, ended_at=clock.ms, warnings=("careful",),
    )  # fmt: skip


def test_a_job_finishes_once(catalog: Catalog, job: JobRecord) -> None:
    assert catalog.jobs.finish(job.id, "COMPLETED")
    assert not catalog.jobs.finish(job.id, "FAILED")
    assert catalog.jobs.get(job.id).status == JobStatus.COMPLETED


def test_a_job_given_up_by_its_successor_cannot_finish(catalog: Catalog, job: JobRecord) -> None:
    catalog.commit(package(job))
    catalog.jobs.save_object(job.id, ObjectRecord("deals", "deals", status="IN_PROGRESS"))
    begin(catalog)
    assert not catalog.jobs.finish(job.id, "COMPLETED")
    record = catalog.jobs.get(job.id)
    assert record.status == JobStatus.FAILED
    assert record.totals == books(10)
    assert {item.status for item in record.objects} == {ObjectStatus.FAILED}


def test_without_totals_a_job_ends_with_what_was_committed(
    catalog: Catalog, job: JobRecord
) -> None:
    parts = (part("a", 3), part("b", 4, object="deals", event_type="deals"))
    catalog.commit(package(job, parts=parts))
    assert catalog.jobs.list()[0].totals == replace(books(7), bytes_read=200)
    catalog.jobs.finish(job.id, "COMPLETED")
    assert catalog.jobs.get(job.id).totals.loaded == 7


@pytest.mark.parametrize("status", [status for status in JobStatus if status != "NOT_STARTED"])
def test_every_status_is_kept_as_written(
    catalog: Catalog, job: JobRecord, status: JobStatus
) -> None:
    catalog.jobs.finish(job.id, str(status))
    assert catalog.jobs.get(job.id).status == status


def test_an_unknown_status_is_refused(catalog: Catalog, job: JobRecord) -> None:
    with pytest.raises(ValueError, match="DONE"):
        catalog.jobs.finish(job.id, "DONE")


def test_an_object_is_replaced_but_its_counts_come_from_commits(
    catalog: Catalog, job: JobRecord
) -> None:
    first = ObjectRecord("contacts", "contacts", mode="INCREMENTAL", status="IN_PROGRESS")
    last = replace(
        first, table="ac_contacts", status=ObjectStatus.COMPLETED, seconds=1.5, started_at=1,
        ended_at=2, checkpoint={"udate": "now"}, error={"code": "x"}, books=books(999),
        ingest_stage=ObjectStatus.COMPLETED, load_stage=ObjectStatus.COMPLETED,
    )  # fmt: skip
    catalog.jobs.save_object(job.id, first)
    catalog.commit(package(job))
    catalog.jobs.save_object(job.id, last)
    assert catalog.jobs.get(job.id).objects == (replace(last, books=books(10)),)


def test_jobs_are_listed_newest_first_in_pages(catalog: Catalog, clock: Clock) -> None:
    catalog.pipelines.ensure("other", "a", "b")
    made = []
    for name in (PIPELINE, "other", PIPELINE):
        clock.ms -= 10_000  # set back each time: order is that of beginning
        made.append(begin(catalog, name).id)
    assert [record.id for record in catalog.jobs.list()] == made[::-1]
    assert [record.id for record in catalog.jobs.list(PIPELINE)] == [made[2], made[0]]
    assert [record.id for record in catalog.jobs.list(limit=1, before=made[2])] == [made[1]]
    assert catalog.jobs.list("unheard of") == []


def test_the_beginning_of_an_id_is_enough(catalog: Catalog, clock: Clock) -> None:
    first = begin(catalog)
    clock.ms += 3 * DAY_MS
    second = begin(catalog)
    assert catalog.jobs.get(first.id[:8].lower()).id == first.id
    with pytest.raises(ConfigError) as raised:
        catalog.jobs.get(second.id[:3])
    assert raised.value.code == "job.ambiguous"
    assert first.id in (raised.value.hint or "")


@pytest.mark.parametrize("wanted", ["", "ZZZ", "%", "0_"])
def test_a_job_that_is_not_there_is_named(catalog: Catalog, job: JobRecord, wanted: str) -> None:
    with pytest.raises(ConfigError) as raised:
        catalog.jobs.get(wanted)
    assert raised.value.code == "job.unknown"


def test_a_running_job_can_be_asked_to_stop(catalog: Catalog, job: JobRecord) -> None:
    assert not catalog.jobs.cancel_wanted(job.id)
    assert catalog.jobs.request_cancel(job.id[:25])
    assert catalog.jobs.cancel_wanted(job.id)
    catalog.jobs.finish(job.id, "CANCELED")
    assert not catalog.jobs.request_cancel(job.id)


def test_jobs_left_by_a_dead_process_can_be_closed(catalog: Catalog, job: JobRecord) -> None:
    assert catalog.jobs.abandon(PIPELINE) == (job.id,)
    assert catalog.jobs.abandon(PIPELINE) == ()
    assert catalog.jobs.abandon("unheard of") == ()


def test_a_warning_is_kept_once_and_their_number_is_bounded(
    catalog: Catalog, job: JobRecord
) -> None:
    catalog.commit(package(job, 1, warnings=("a", "b")))
    catalog.commit(package(job, 2, warnings=("b", "c")))
    catalog.jobs.finish(job.id, "COMPLETED", warnings=["c", "d"])
    assert catalog.jobs.get(job.id).warnings == ("a", "b", "c", "d")
    other = begin(catalog)
    for start in (0, 400):
        catalog.commit(
            package(other, 3 + start, warnings=tuple(f"w{start + n}" for n in range(400)))
        )
    kept = catalog.jobs.get(other.id).warnings
    assert len(kept) == MOST_WARNINGS
    assert kept[0] == "w0"
    assert "log file" in kept[-1]


def test_old_jobs_are_forgotten_but_never_the_newest(catalog: Catalog, clock: Clock) -> None:
    old = []
    for number in range(1, 6):
        old.append(begin(catalog))
        catalog.commit(package(old[-1], number))
        catalog.jobs.finish(old[-1].id, "COMPLETED")
    clock.ms += 91 * DAY_MS
    assert catalog.jobs.purge(chunk=2) == 4
    assert [record.id for record in catalog.jobs.list()] == [old[-1].id]
    assert catalog.jobs.purge(chunk=2) == 0
