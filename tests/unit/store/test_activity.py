"""The activity log."""

from dataclasses import replace

import pytest

from penstock.core.records import Activity, Severity
from penstock.store import Catalog
from unit.store.kit import PIPELINE, Clock

DAY_MS = 86_400_000


def entry(severity: str = "HIGH", action: str = "job.failed", **more: object) -> Activity:
    return replace(Activity(Severity(severity), action, "It failed."), **more)


def test_an_entry_reads_as_it_was_written(catalog: Catalog, clock: Clock) -> None:
    written = entry(pipeline=PIPELINE, details={"before": 1, "after": [2]}, actor="ada")
    catalog.activity.append(written)
    (read,) = catalog.activity.list()
    assert read == replace(written, id=read.id, at=clock.ms)


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("LOW", ["CRITICAL", "HIGH", "MEDIUM", "LOW"]),
        ("MEDIUM", ["CRITICAL", "HIGH", "MEDIUM"]),
        ("CRITICAL", ["CRITICAL"]),
    ],
)
def test_a_level_shows_itself_and_all_above_newest_first(
    catalog: Catalog, level: str, shown: list[str]
) -> None:
    for severity in Severity:
        catalog.activity.append(entry(severity))
    assert [item.severity for item in catalog.activity.list(severity=level)] == shown


def test_filters_agree_and_pages_follow_each_other(catalog: Catalog, clock: Clock) -> None:
    for number in range(4):
        clock.ms += 1
        name = PIPELINE if number % 2 else None
        catalog.activity.append(entry(action=f"a{number}", pipeline=name, actor=f"u{number}"))
    log = catalog.activity
    assert [item.action for item in log.list(pipeline=PIPELINE)] == ["a3", "a1"]
    assert [item.action for item in log.list(action="a2")] == ["a2"]
    assert [item.action for item in log.list(actor="u0")] == ["a0"]
    assert [item.action for item in log.list(since=clock.ms - 1, until=clock.ms)] == ["a2"]
    first = log.list(limit=3)
    assert [item.action for item in log.list(before=first[-1].id)] == ["a0"]


def test_entries_past_retention_go(catalog: Catalog, clock: Clock) -> None:
    for _ in range(5):
        catalog.activity.append(entry())
    clock.ms += 181 * DAY_MS
    catalog.activity.append(entry(action="new"))
    assert catalog.activity.purge(chunk=2) == 5
    assert [item.action for item in catalog.activity.list()] == ["new"]
