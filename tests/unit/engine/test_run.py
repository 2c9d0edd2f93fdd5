"""Jobs from source to destination with small fakes at both ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from penstock.core import metadata
from penstock.core.batch import FailedEvent
from penstock.core.errors import (
    AuthError,
    ConfigError,
    DataError,
    NoRoom,
    ObjectFailed,
    PenstockError,
    TransientError,
    Unavailable,
)
from penstock.core.load import WriteMode
from penstock.engine.budget import Budget
from penstock.engine.run import Outcome, run
from unit.engine.doubles import ListSource, MemoryCatalog, MemoryDestination, task


def rows(*ids: int, name: str = "n") -> list[dict[str, Any]]:
    return [{"id": number, "name": f"{name}{number}"} for number in ids]


class Bench:
    """One pipeline whose catalog, staging and destination outlive its jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.destination = MemoryDestination()
        self.catalog = MemoryCatalog()
        self.task = None

    def run(self, source: ListSource, **options: Any) -> Outcome:
        self.task = task(self.folder, source, self.destination, self.catalog, **options)
        return run(self.task, source.plan(source.discover()))

    def stored(self, table: str = "people") -> dict[int, str]:
        return {
            row["id"]: row["name"]
            for row in self.destination.tables.get(table, [])
            if not row.get(metadata.DELETED)
        }

    @property
    def books(self):
        return self.task.states["people"].books

    def leftovers(self) -> list[Path]:
        return [path for path in (self.folder / "staging").rglob("*") if path.is_file()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_every_row_arrives_and_is_counted(bench: Bench) -> None:
    outcome = bench.run(ListSource([rows(1, 2), rows(3)]))
    assert outcome.fatal is None
    assert bench.stored() == {1: "n1", 2: "n2", 3: "n3"}
    assert (bench.books.read, bench.books.loaded, bench.books.inserted) == (3, 3, 3)
    assert bench.leftovers() == []


def test_calls_and_the_first_total_are_there_for_those_who_watch(bench: Bench) -> None:
    bench.run(ListSource([rows(1, 2), rows(3)]))
    state = bench.task.states["people"]
    assert (state.calls, state.expected) == (2, 3)


def test_the_newest_row_of_a_key_wins_and_the_others_count_as_collapsed(bench: Bench) -> None:
    bench.run(ListSource([rows(1, 2), rows(1, name="new")]))
    assert bench.stored() == {1: "new1", 2: "n2"}
    assert (bench.books.read, bench.books.collapsed, bench.books.loaded) == (3, 1, 2)


def test_append_keeps_every_row(bench: Bench) -> None:
    bench.run(ListSource([rows(1, 2), rows(1)]), mode=WriteMode.APPEND)
    assert len(bench.destination.tables["people"]) == 3
    assert bench.books.collapsed == 0


def test_rows_that_a_verified_read_no_longer_has_are_flagged(bench: Bench) -> None:
    bench.run(ListSource([rows(1, 2), rows(3)]))
    bench.run(ListSource([rows(1), rows(3)]))
    assert bench.stored() == {1: "n1", 3: "n3"}
    assert bench.books.flagged == 1


def test_a_complete_read_of_a_few_rows_is_one_load(bench: Bench) -> None:
    """The package that ends the pass is the last one: no empty load follows it."""
    bench.run(ListSource([rows(1, 2), rows(3)]))
    assert len(bench.destination.loads) == 1
    assert len(bench.catalog.commits) == 1


def test_an_unverified_read_flags_nothing(bench: Bench) -> None:
    bench.run(ListSource([rows(1, 2)]))
    bench.run(ListSource([rows(1)], verified=False))
    assert bench.stored() == {1: "n1", 2: "n2"}


def test_an_event_without_a_known_key_keeps_the_read_from_flagging(bench: Bench) -> None:
    bench.run(ListSource([rows(1, 2)]))
    lost = FailedEvent("people", "INGESTION", "PARSE_ERROR", "not JSON", "{")
    bench.run(ListSource([rows(1)], extra={0: {"failed": (lost,)}}))
    assert bench.stored() == {1: "n1", 2: "n2"}
    assert (bench.books.read, bench.books.failed, bench.books.loaded) == (2, 1, 1)


def test_keys_of_earlier_packages_count_for_the_sweep(bench: Bench) -> None:
    source = ListSource([rows(1), rows(2), rows(3)])
    bench.run(source, package_rows=1)
    bench.run(ListSource([rows(1), rows(3)]), package_rows=1)
    assert bench.stored() == {1: "n1", 3: "n3"}
    assert bench.leftovers() == []


def test_a_read_that_was_cut_goes_on_and_still_knows_all_keys(bench: Bench) -> None:
    bench.run(ListSource([rows(1, 2, 3, 4)]))
    source = ListSource([rows(1), rows(2), rows(3)], fail_at=2, error=TransientError("away"))
    assert "people" in bench.run(source, package_rows=1).splits
    source.fail_at = None
    bench.run(source, package_rows=1)
    assert source.reads == [0, 2]
    assert bench.stored() == {1: "n1", 2: "n2", 3: "n3"}


def test_staged_rows_wait_while_the_destination_is_away(bench: Bench) -> None:
    bench.destination.away = [TransientError("away", code="destination.unreachable")]
    outcome = bench.run(ListSource([rows(1, 2)]))
    assert outcome.fatal is not None
    assert outcome.fatal.exit_code == 75
    assert bench.stored() == {}
    source = ListSource([rows(1, 2)])
    bench.run(source)
    assert bench.stored() == {1: "n1", 2: "n2"}
    assert bench.leftovers() == []


@pytest.mark.parametrize("refusal", [DataError, NoRoom])
def test_refused_rows_are_set_aside_and_the_others_loaded(
    bench: Bench, refusal: type[PenstockError]
) -> None:
    bench.destination.refuse = {2}
    bench.destination.refusal = refusal
    bench.run(ListSource([rows(1, 2, 3)]))
    assert bench.stored() == {1: "n1", 3: "n3"}
    assert (bench.books.failed, bench.books.loaded) == (1, 2)
    failed = bench.catalog.commits[0].failed
    assert [(item.code, item.stage, item.key) for item in failed] == [
        ("CONSTRAINT_VIOLATION", "LOADING", "2")
    ]
    kept = pq.read_table(bench.folder / "failed" / "p" / failed[0].file).to_pylist()
    assert kept[failed[0].file_row]["raw"] == '{"id": 2, "name": "n2"}'


def test_a_load_with_too_many_refused_rows_waits_whole(bench: Bench) -> None:
    destination = bench.destination
    destination.refuse = {2}
    destination.too_many = ConfigError("Too many.", code="load.too_many_refused")
    outcome = bench.run(ListSource([rows(1, 2)]))
    assert outcome.fatal is destination.too_many
    assert (bench.stored(), bench.books.failed) == ({}, 0)
    destination.refuse = set()
    bench.run(ListSource([rows(1, 2)]))
    assert (bench.stored(), bench.leftovers()) == ({1: "n1", 2: "n2"}, [])


def test_too_little_memory_for_no_row_by_itself_stops_the_job(bench: Bench) -> None:
    destination = bench.destination
    destination.refuse, destination.refusal = {2}, NoRoom
    destination.too_many = NoRoom("No room.")
    outcome = bench.run(ListSource([rows(1, 2)]))
    assert outcome.fatal is destination.too_many
    assert (bench.stored(), bench.books.failed) == ({}, 0)


def test_what_a_load_has_to_tell_is_kept_with_its_package(bench: Bench) -> None:
    bench.destination.tell = ("A column was too short.",)
    bench.run(ListSource([rows(1)]))
    assert [record.warnings for record in bench.catalog.commits] == [
        ("people: A column was too short.",)
    ]


def test_a_row_without_a_key_value_is_set_aside(bench: Bench) -> None:
    bench.run(ListSource([[{"id": 1, "name": "a"}, {"id": None, "name": "b"}]]))
    assert bench.stored() == {1: "a"}
    assert [item.code for item in bench.catalog.commits[0].failed] == ["NULL_IN_PRIMARY_KEY"]


def test_a_new_field_becomes_a_column_and_a_wider_one_widens_it(bench: Bench) -> None:
    bench.run(ListSource([rows(1), [{"id": 2, "name": "x", "Height (cm)": 180}]]))
    bench.run(ListSource([[{"id": 3, "name": "y", "Height (cm)": 180.5}]]))
    schema = bench.destination.schemas["people"]
    assert str(schema.field("height__cm").type) == "decimal128(20, 1)"
    stored = {row["id"]: row.get("height__cm") for row in bench.destination.tables["people"]}
    assert stored == {1: None, 2: 180, 3: 180.5}


@pytest.mark.parametrize("error", [ObjectFailed("no"), Unavailable("no"), TransientError("no")])
def test_an_object_that_fails_keeps_what_was_read(bench: Bench, error: Any) -> None:
    outcome = bench.run(ListSource([rows(1), rows(2)], fail_at=1, error=error))
    assert outcome.fatal is None
    assert outcome.splits == {"people": error}
    assert bench.stored() == {1: "n1"}


@pytest.mark.parametrize("error", [AuthError("no"), ConfigError("no")])
def test_errors_that_only_the_user_can_mend_stop_the_job(bench: Bench, error: Any) -> None:
    outcome = bench.run(ListSource([rows(1), rows(2)], fail_at=1, error=error))
    assert outcome.fatal is error


def test_a_refused_row_is_kept_under_the_names_of_the_source(bench: Bench) -> None:
    bench.destination.refuse = {2}
    row = {"id": 2, "name": "n", "Full Name": "N. N."}
    bench.run(ListSource([[row]], extra={0: {"attempt": 3}}))
    (failed,) = bench.catalog.commits[0].failed
    kept = pq.read_table(bench.folder / "failed" / "p" / failed.file).to_pylist()
    assert json.loads(kept[failed.file_row]["raw"]) == row
    assert failed.attempt == 3


def test_the_source_is_told_whether_to_look_for_dates(bench: Bench) -> None:
    told = []

    class Asked(ListSource):
        def read(self, split: Any, checkpoint: Any, context: Any) -> Any:
            told.append(context.infer_dates)
            return super().read(split, checkpoint, context)

    for wanted in (True, False):
        source = Asked([rows(1)])
        job = task(bench.folder, source, bench.destination, bench.catalog)
        job.infer_dates = wanted
        run(job, source.plan(source.discover()))
    assert told == [True, False]


def test_packages_grow_while_a_read_goes_on(bench: Bench) -> None:
    source = ListSource([rows(2 * n, 2 * n + 1) for n in range(15)])
    job = task(bench.folder, source, bench.destination, bench.catalog)
    job.budget = Budget(package_rows=8, first_rows=2)
    run(job, source.plan(source.discover()))
    sizes = [sum(part.books.loaded for part in commit.parts) for commit in bench.catalog.commits]
    assert sizes == [2, 8, 8, 8, 4]
    assert len(bench.stored()) == 30
