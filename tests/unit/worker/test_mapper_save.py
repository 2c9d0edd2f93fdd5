"""Saving a mapping: status, activity log, and the failed events that it may cure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.core.mapping import Mapping
from penstock.core.records import FailedFilter, FailedState, IngestionStatus, JobRecord
from penstock.core.recovery_classes import ON_FIX, RecoveryClass, recovery_class
from penstock.mapper.applying import Edited
from penstock.store import Catalog
from penstock.worker.mapper_save import Saved, queue_unmapped, save
from penstock.worker.outside import note_blocked
from unit.mapper.kit import DEALS, NEW
from unit.store.kit import PIPELINE, catalog, clock, failed_row, job, package, url

__all__ = ["catalog", "clock", "job", "url"]

CODES = ("UNMAPPED_EVENT_TYPE", "INCOMPATIBLE_TYPE", "PARSE_ERROR", "TRANSFORM_ERROR")


@pytest.fixture
def failed(catalog: Catalog, job: JobRecord) -> Catalog:
    """One failed event of each code for two event types."""
    rows = tuple(
        failed_row(2 * at + place, object=name, event_type=name, code=code)
        for place, name in enumerate(("notes", "other"))
        for at, code in enumerate(CODES)
    )
    catalog.commit(package(job, failed=rows))
    return catalog


def queued(catalog: Catalog) -> list[tuple[str, str]]:
    waiting = FailedFilter(states=(FailedState.QUEUED_FOR_REPLAY,))
    return [(row.event_type, row.code) for row in catalog.failed.list(PIPELINE, waiting)]


def saved(catalog: Catalog, after: Mapping, before: Mapping = NEW) -> Saved:
    edit = Edited(before, after.changed())
    return save(catalog, PIPELINE, [edit], auto_mapping=False)


def test_what_a_mapping_may_cure_is_queued(failed: Catalog) -> None:
    mapped = replace(NEW, table="notes", columns=DEALS.columns)
    assert saved(failed, mapped) == Saved(mappings=1, queued=2)
    assert queued(failed) == [("notes", "UNMAPPED_EVENT_TYPE"), ("notes", "INCOMPATIBLE_TYPE")]
    assert failed.mappings.statuses(PIPELINE) == {"notes": "MAPPED"}
    (entry,) = failed.activity.list(pipeline=PIPELINE, actor="user")
    assert (entry.action, entry.actor) == ("mapping.edit", "user")
    assert entry.summary.startswith("Mapping of notes: UNMAPPED -> MAPPED; table none -> notes; ")


def test_what_waited_is_queued_once_auto_mapping_makes_the_table(failed: Catalog) -> None:
    assert saved(failed, replace(NEW, auto=True)).queued == 2


def test_a_switch_that_was_turned_in_the_file_brings_back_what_waited(failed: Catalog) -> None:
    failed.mappings.save(PIPELINE, NEW)
    assert queue_unmapped(failed, PIPELINE, auto_mapping=False) == 0
    assert queue_unmapped(failed, PIPELINE, auto_mapping=True) == 1
    assert queued(failed) == [("notes", "UNMAPPED_EVENT_TYPE")]


@pytest.mark.parametrize("after", [NEW, replace(NEW, table="notes", skipped=True)])
def test_nothing_is_queued_for_an_event_type_that_is_not_loaded(
    failed: Catalog, after: Mapping
) -> None:
    assert saved(failed, after).queued == 0
    assert queued(failed) == []


def test_events_of_skipped_types_are_not_counted(failed: Catalog) -> None:
    saved(failed, replace(NEW, skipped=True))
    assert {group.event_type for group in failed.failed.groups(PIPELINE)} == {"other"}
    assert failed.failed.open_counts() == {PIPELINE: len(CODES)}
    asked = FailedFilter(event_type="notes")
    assert sum(group.count for group in failed.failed.groups(PIPELINE, asked)) == len(CODES)


def test_every_code_has_one_recovery_class() -> None:
    assert {recovery_class(code) for code in ON_FIX} == {RecoveryClass.AUTO_ON_FIX}
    assert recovery_class("TRANSFORM_ERROR") is RecoveryClass.MANUAL
    assert recovery_class("something new") is RecoveryClass.OPERATOR


def test_objects_are_blocked_as_long_as_a_policy_holds_them(catalog: Catalog) -> None:
    note_blocked(catalog, PIPELINE, ["a", "b"])
    note_blocked(catalog, PIPELINE, ["b"])
    assert {name: item.status for name, item in catalog.objects.load(PIPELINE).items()} == {
        "a": IngestionStatus.SCHEDULED, "b": IngestionStatus.BLOCKED
    }  # fmt: skip
