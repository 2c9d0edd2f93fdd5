"""History in several splits beside a log: order, errors, full reloads, crashes, hand-over."""

from __future__ import annotations

import random
import threading

import pytest

from logged import Database, LogSource
from penstock.core.errors import ObjectFailed, TransientError
from penstock.core.load import Receipt, TableLoad
from penstock.core.records import Generation
from penstock.core.splits import LOG_SPLIT
from penstock.engine.budget import Budget
from unit.engine.log_bench import Bench, bench, people

__all__ = ["bench"]


def test_history_begins_only_when_the_position_of_the_log_is_saved(bench: Bench) -> None:
    database = people(3)
    saved: list[bool] = []

    def look(split: str) -> None:
        if split == "people#1":
            saved.append(LOG_SPLIT in bench.positions())

    source = LogSource(database, reading=look)
    assert bench.run(source).fatal is None
    assert saved == [True]
    assert source.begun == [LOG_SPLIT, "people#1"]


def test_more_splits_than_threads_end_all_the_same(bench: Bench) -> None:
    database = Database("a", "b", "c")
    for table in database.tables:
        for number in range(1, 8):
            database.insert(table, number, f"{table}{number}")
    source = LogSource(database, chunk=2)
    assert bench.run(source, budget=Budget(readers=1)).fatal is None
    for table in database.tables:
        assert bench.rows(table) == database.rows(table)
        state = bench.job.states[table]
        assert (state.read_whole, state.books.read, state.rows_read) == (True, 7, 7)
    assert bench.positions().keys() == {LOG_SPLIT, "a#", "b#", "c#"}
    assert bench.positions()[LOG_SPLIT] == {"at": 21}


def test_values_that_the_log_left_out_are_there_when_history_comes_later(bench: Bench) -> None:
    database, loaded = people(4), threading.Event()

    def changed(what: str) -> None:
        # The history has its rows; it hands them over when the log's are in the destination.
        if what == "people after 0":
            database.update("people", 2, name="changed")
            database.update("people", 3, name="gone soon")
            database.update("people", 2, name="twice")
            database.delete("people", 3)
            assert loaded.wait(10)

    load = bench.destination.load

    def told(one: TableLoad) -> Receipt:
        receipt = load(one)
        if one.split == LOG_SPLIT:
            loaded.set()
        return receipt

    bench.destination.load = told  # type: ignore[method-assign]
    bench.run(LogSource(database, reading=changed), package_rows=1)
    assert loaded.is_set()
    assert bench.rows("people") == database.rows("people")


def test_history_is_read_once(bench: Bench) -> None:
    database = people(4)
    bench.run(LogSource(database, chunk=2))
    source = LogSource(database, chunk=2)
    bench.run(source)
    assert source.begun == [LOG_SPLIT]
    assert bench.job.states["people"].read_whole


def test_a_chunk_that_fails_leaves_the_others_done_and_is_read_again(bench: Bench) -> None:
    database = people(6)
    error = ObjectFailed("no", code="source.no")
    outcome = bench.run(LogSource(database, chunk=2, fail={"people#2": error}))
    assert outcome.objects == {"people": error}
    assert not bench.job.states["people"].read_whole
    assert len(bench.rows("people")) == 4
    # Other bounds than those of the plan that was begun would leave rows out.
    again = LogSource(database, chunk=3)
    assert bench.run(again).objects == {}
    assert bench.rows("people") == database.rows("people")
    assert bench.job.states["people"].books.read == 2


def test_a_log_that_cannot_be_read_stops_what_would_come_after_it(bench: Bench) -> None:
    database = people(2)
    error = TransientError("away", code="source.unreachable")
    source = LogSource(database, fail={LOG_SPLIT: error})
    outcome = bench.run(source)
    assert (outcome.fatal, outcome.objects) == (None, {"people": error})
    assert source.begun == [LOG_SPLIT]
    assert bench.run(LogSource(database)).objects == {}
    assert bench.rows("people") == database.rows("people")


def test_a_job_that_is_stopped_goes_on_later(bench: Bench) -> None:
    database = people(6)
    source = LogSource(database, chunk=2, batch=1)
    job = bench.prepare(source, package_rows=1, budget=Budget(package_rows=1, readers=1))
    source.reading = lambda what: job.cancel.set() if what == "people after 2" else None
    bench.go()
    assert not job.states["people"].read_whole
    bench.run(LogSource(database))
    assert bench.rows("people") == database.rows("people")


def test_history_without_the_position_of_its_log_counts_for_nothing(bench: Bench) -> None:
    database = people(3)
    bench.run(LogSource(database))
    bench.catalog.positions.reset("p", LOG_SPLIT)
    database.update("people", 1, name="unseen")
    source = LogSource(database)
    bench.run(source)
    assert source.begun == [LOG_SPLIT, "people#1"]
    assert bench.rows("people") == database.rows("people")


def test_a_full_reload_takes_history_and_changes_into_the_new_table(bench: Bench) -> None:
    database = Database("people", "other")
    for number in range(1, 5):
        database.insert("people", number, f"n{number}")
    bench.run(LogSource(database, chunk=2))
    bench.catalog.positions.set_generation("p", "people", Generation(0, 1, "merge"))
    error = ObjectFailed("no", code="source.no")
    database.delete("people", 4)

    def change(what: str) -> None:
        if what == "people after 0":
            database.update("people", 2, name="meanwhile")

    cut = LogSource(database, chunk=2, fail={"people#2": error}, reading=change)
    bench.run(cut)
    # Still the table as it was: its changes go to the new one.
    assert bench.rows("people") == [(n, f"n{n}", "b") for n in (1, 2, 3, 4)]
    again = LogSource(database, chunk=2)
    assert bench.run(again).fatal is None
    assert sorted(again.begun) == [LOG_SPLIT, "people#1", "people#2"]
    assert bench.rows("people") == database.rows("people")
    # Gone before the new table was begun: it knows no more of it.
    assert bench.rows("people", "_ps_deleted") == [(4, None, None)]
    assert bench.catalog.positions.generations("p")["people"].building is None
    database.update("people", 1, name="after")
    bench.run(LogSource(database))
    assert bench.rows("people") == database.rows("people")


def test_without_history_only_changes_come(bench: Bench) -> None:
    database = people(3)
    bench.run(LogSource(database, history=False))
    database.insert("people", 9, "new")
    bench.run(LogSource(database, history=False))
    assert bench.rows("people") == [(9, "new", "b")]


@pytest.mark.parametrize("seed", range(3))
def test_changes_during_the_hand_over_are_neither_lost_nor_doubled(bench: Bench, seed: int) -> None:
    dice = random.Random(seed)
    database = Database("a", "b")
    for table in database.tables:
        for number in range(1, 30):
            database.insert(table, number, "first")
    stop = threading.Event()

    def write() -> None:
        for count in range(400):
            random_change(database, dice, f"w{count}")
            stop.wait(0.0005)

    writer = threading.Thread(target=write)
    writer.start()
    source = LogSource(database, chunk=5, batch=3, most=7)
    for _ in range(2):
        outcome = bench.run(source, package_rows=20)
        assert (outcome.fatal, outcome.objects) == (None, {})
    writer.join()
    bench.run(source, package_rows=20)
    for table in database.tables:
        assert bench.rows(table) == database.rows(table)


def random_change(database: Database, dice: random.Random, name: str) -> None:
    table = dice.choice(["a", "b"])
    with database.lock:
        known = sorted(database.tables[table])
        number = dice.choice(known)
        what = dice.random()
        if what < 0.5:
            database.update(table, number, **({"name": name} if what < 0.4 else {"body": name}))
        elif what < 0.7 and len(known) > 5:
            database.delete(table, number)
        elif what < 0.8:
            database.move(table, number, max(known) + 1)
        else:
            database.insert(table, next(n for n in range(1, 99) if n not in known), name)
