"""The index of failed events."""

import pytest

from penstock.core.records import FailedFilter, FailedGroup, FailedState, JobRecord
from penstock.store import Catalog
from unit.store.kit import PIPELINE, Clock, failed_row, package

DAY_MS = 86_400_000
ALL = FailedFilter(states=())
S = FailedState


def fill(catalog: Catalog, job: JobRecord, count: int = 6) -> list[int]:
    """Failed events 0..count-1; every third is a deal that could not be parsed."""
    rows = tuple(
        failed_row(n, object="deals", event_type="deals", stage="INGESTION", code="PARSE_ERROR")
        if n % 3 == 0
        else failed_row(n)
        for n in range(count)
    )
    catalog.commit(package(job, failed=rows))
    return [row.id for row in catalog.failed.list(PIPELINE, limit=None)]


def test_a_failed_event_reads_as_it_was_committed(
    catalog: Catalog, job: JobRecord, clock: Clock
) -> None:
    fill(catalog, job, 2)
    row = catalog.failed.list(PIPELINE)[1]
    assert row == failed_row(
        1, id=row.id, pipeline=PIPELINE, job=job.id, state=S.FAILED, created_at=clock.ms
    )


def test_text_that_databases_refuse_is_made_storable(catalog: Catalog, job: JobRecord) -> None:
    odd = failed_row(0, reason="nul \x00 and half \ud800 of a pair", key="\x00")
    catalog.commit(package(job, failed=(odd,)))
    (row,) = catalog.failed.list(PIPELINE, FailedFilter(reason=odd.reason))
    assert row.reason == "nul \N{REPLACEMENT CHARACTER} and half ? of a pair"


def test_groups_count_the_largest_first(catalog: Catalog, job: JobRecord, clock: Clock) -> None:
    fill(catalog, job)
    first = clock.ms
    clock.ms += 10
    catalog.commit(package(job, 2, failed=(failed_row(9),)))
    reason = "text in a number column"
    assert catalog.failed.groups(PIPELINE) == [
        FailedGroup("contacts", "SCHEMA_MAPPING", "INCOMPATIBLE_TYPE", reason, 5, first, clock.ms),
        FailedGroup("deals", "INGESTION", "PARSE_ERROR", reason, 2, first, first),
    ]
    assert [group.count for group in catalog.failed.groups(PIPELINE, limit=1)] == [5]


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (FailedFilter(), [0, 1, 2, 3, 4, 5]),
        (FailedFilter(object="deals"), [0, 3]),
        (FailedFilter(event_type="contacts"), [1, 2, 4, 5]),
        (FailedFilter(stage="INGESTION", code="PARSE_ERROR"), [0, 3]),
        (FailedFilter(code="PARSE_ERROR", object="contacts"), []),
        (FailedFilter(reason="text in a number column"), [0, 1, 2, 3, 4, 5]),
        (FailedFilter(job="another"), []),
        (FailedFilter(states=(S.RESOLVED,)), []),
        (FailedFilter(ids=()), []),
    ],
)
def test_every_field_of_a_filter_must_agree(
    catalog: Catalog, job: JobRecord, where: FailedFilter, numbers: list[int]
) -> None:
    fill(catalog, job)
    assert [row.n for row in catalog.failed.list(PIPELINE, where)] == numbers
    assert catalog.failed.count(PIPELINE, where) == len(numbers)


def test_events_come_in_pages(catalog: Catalog, job: JobRecord) -> None:
    ids = fill(catalog, job)
    found = catalog.failed.list
    assert [row.n for row in found(PIPELINE, limit=2, offset=3)] == [3, 4]
    assert [row.n for row in found(PIPELINE, after=ids[3])] == [4, 5]
    assert [row.n for row in found(PIPELINE, FailedFilter(ids=(ids[5], ids[2])))] == [2, 5]
    assert found("unheard of") == []


@pytest.mark.parametrize(
    ("path", "moved"),
    [
        ([S.QUEUED_FOR_REPLAY, S.REPLAYING, S.RESOLVED], [True, True, True]),
        ([S.QUEUED_FOR_REPLAY, S.FAILED], [True, True]),
        ([S.QUEUED_FOR_REPLAY, S.REPLAYING, S.FAILED, S.SKIPPED], [True, True, True, True]),
        ([S.SKIPPED, S.QUEUED_FOR_REPLAY, S.FAILED, S.RESOLVED], [True, False, False, False]),
        ([S.PURGED, S.FAILED], [True, False]),
        ([S.REPLAYING], [False]),
    ],
)
def test_states_follow_each_other_as_specified(
    catalog: Catalog, job: JobRecord, path: list[FailedState], moved: list[bool]
) -> None:
    ids = fill(catalog, job, 1)
    assert [catalog.failed.mark(PIPELINE, ids, state) == 1 for state in path] == moved


def test_a_replay_that_failed_counts_as_an_attempt(catalog: Catalog, job: JobRecord) -> None:
    ids = fill(catalog, job, 2)
    catalog.failed.mark(PIPELINE, ids, S.QUEUED_FOR_REPLAY)
    catalog.failed.mark(PIPELINE, ids[:1], S.REPLAYING)
    assert catalog.failed.mark(PIPELINE, ids, S.FAILED) == 2
    assert [row.attempt for row in catalog.failed.list(PIPELINE)] == [1, 0]


def test_marking_by_filter_leaves_the_others(catalog: Catalog, job: JobRecord) -> None:
    fill(catalog, job)
    assert catalog.failed.mark(PIPELINE, FailedFilter(event_type="deals"), S.SKIPPED) == 2
    assert [row.n for row in catalog.failed.list(PIPELINE)] == [1, 2, 4, 5]
    assert catalog.failed.open_counts() == {PIPELINE: 4}


def test_pipelines_do_not_see_each_others_events(catalog: Catalog, job: JobRecord) -> None:
    ids = fill(catalog, job)
    catalog.pipelines.ensure("other", "a", "b")
    assert catalog.failed.count("other", ALL) == 0
    assert catalog.failed.mark("other", ids, S.SKIPPED) == 0
    assert catalog.failed.mark("unheard of", ids, S.SKIPPED) == 0


def test_a_file_is_in_use_while_an_event_of_it_may_be_replayed(
    catalog: Catalog, job: JobRecord
) -> None:
    rows = tuple(failed_row(n, file=f"file{n}") for n in range(3))
    catalog.commit(package(job, failed=rows))
    ids = [row.id for row in catalog.failed.list(PIPELINE)]
    catalog.failed.mark(PIPELINE, ids[:1], S.SKIPPED)
    catalog.failed.mark(PIPELINE, ids[1:2], S.QUEUED_FOR_REPLAY)
    assert catalog.failed.files_in_use(PIPELINE) == {"file1", "file2"}


def test_events_past_retention_are_given_up_and_later_forgotten(
    catalog: Catalog, job: JobRecord, clock: Clock
) -> None:
    ids = fill(catalog, job)
    catalog.failed.mark(PIPELINE, ids[:2], S.SKIPPED)
    clock.ms += 31 * DAY_MS
    assert catalog.failed.purge() == 4
    assert catalog.failed.count(PIPELINE, FailedFilter(states=(S.PURGED,))) == 4
    clock.ms += 60 * DAY_MS
    assert catalog.failed.purge() == 0
    assert catalog.failed.count(PIPELINE, ALL) == 0


def test_a_hundred_thousand_events_can_be_listed_and_marked(
    catalog: Catalog, job: JobRecord
) -> None:
    ids = fill(catalog, job, 100_000)
    assert [group.count for group in catalog.failed.groups(PIPELINE)] == [66_666, 33_334]
    assert catalog.failed.mark(PIPELINE, ids[:40_000], S.SKIPPED) == 40_000
    assert catalog.failed.mark(PIPELINE, FailedFilter(object="deals"), S.SKIPPED) == 20_000
    assert catalog.failed.count(PIPELINE) == 40_000
