"""The books over any mix of rows, failures, duplicates, oversize events and broken jobs."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.core.batch import FailedEvent
from penstock.core.books import Books
from penstock.core.errors import InternalError, TransientError
from penstock.core.load import Receipt, TableLoad, WriteMode
from penstock.core.progress import ObjectState
from penstock.core.spec import PipelineSpec
from penstock.engine.run import Outcome, run
from penstock.worker.ending import judge
from unit.engine.doubles import ListSource, MemoryCatalog, MemoryDestination, task

REFUSED = 3
AWAY = TransientError("away", code="destination.unreachable")
SPEC = PipelineSpec(source="s", destination="d")

IDS = st.one_of(st.none(), st.integers(0, 6))
BATCHES = st.lists(
    st.fixed_dictionaries(
        {
            "ids": st.lists(IDS, max_size=6),
            "failed": st.integers(0, 2),
            "oversize": st.integers(0, 2),
            "filtered": st.integers(0, 3),
            "created": st.integers(0, 2),
        }
    ),
    min_size=1,
    max_size=6,
)


def source_of(batches: list[dict[str, Any]]) -> ListSource:
    lost = FailedEvent("people", "INGESTION", "PARSE_ERROR", "not JSON", "{")
    rows = [
        [{"id": key, "name": f"{at}.{n}"} for n, key in enumerate(batch["ids"])]
        for at, batch in enumerate(batches)
    ]
    extra: dict[int, dict[str, Any]] = {
        at: {
            "failed": (lost,) * batch["failed"],
            "oversize": ("9",) * batch["oversize"],
            # A transformation only ever counts what it was given.
            "counts": {
                "filtered": batch["filtered"],
                "created": min(batch["created"], len(batch["ids"])),
            }
            if batch["ids"]
            else {},
        }
        for at, batch in enumerate(batches)
    }
    return ListSource(rows, extra=extra)


@given(BATCHES, st.integers(1, 8), st.lists(st.integers(0, 4), max_size=3))
@settings(max_examples=60, deadline=None)
def test_they_balance_and_count_every_event_once(
    batches: list[dict[str, Any]], package_rows: int, away: list[int]
) -> None:
    destination, catalog = MemoryDestination(), MemoryCatalog()
    destination.refuse = {REFUSED}
    with tempfile.TemporaryDirectory() as folder:
        for failures in (*(1 for _ in away), 0):
            destination.away = [AWAY] * failures
            source = source_of(batches)
            job = task(Path(folder), source, destination, catalog, WriteMode.MERGE, package_rows)
            outcome = run(job, source.plan(source.discover()))
            assert failures or outcome.fatal is None
    total = Books()
    for record in catalog.commits:
        for part in record.parts:
            part.books.check(package=record.package_id)
            total.add(part.books)
    total.check()
    stored = {row["id"] for row in destination.tables["people"]}
    assert stored == {key for batch in batches for key in batch["ids"]} - {None, REFUSED}
    listed = [event for record in catalog.commits for event in record.failed]
    assert len(listed) == total.failed


class Miscounting(MemoryDestination):
    """Says that it loaded one row more than it was given."""

    def load(self, load: TableLoad) -> Receipt:
        receipt = super().load(load)
        return replace(receipt, inserted=receipt.inserted + 1)


def test_a_job_whose_books_do_not_balance_is_our_fault_and_saves_nothing(tmp_path: Path) -> None:
    destination, catalog = Miscounting(), MemoryCatalog()
    job = task(tmp_path, ListSource([[{"id": 1, "name": "a"}]]), destination, catalog)
    outcome = run(job, job.source.plan(job.source.discover()))
    assert isinstance(outcome.fatal, InternalError)
    assert outcome.fatal.code == "internal.books"
    assert catalog.commits == []
    assert list(tmp_path.rglob("package.json"))
    states = {"people": ObjectState("people", "people", "people", "FULL_LOAD")}
    ending = judge(SPEC, states, outcome, interrupted=False)
    assert (ending.status, ending.exit_code) == ("FAILED", 1)


@pytest.mark.parametrize("field", ["read", "filtered", "collapsed", "failed", "loaded"])
def test_one_event_too_many_anywhere_is_found(field: str) -> None:
    books = Books(read=10, filtered=1, collapsed=2, failed=3, loaded=4, inserted=4)
    books.check()
    with pytest.raises(InternalError, match="do not balance"):
        replace(books, **{field: getattr(books, field) + 1}).check()


def test_an_outcome_without_errors_is_a_success() -> None:
    assert judge(SPEC, {}, Outcome(), interrupted=False).exit_code == 0
