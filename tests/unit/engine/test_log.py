"""Changes of a log, into real destinations, compared with what the source has."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from logged import Database, LogSource
from penstock.core.errors import ConfigError
from penstock.core.load import Deletes, Receipt, TableLoad, Truncates, WriteMode
from penstock.core.records import FailedFilter
from penstock.core.splits import LOG_SPLIT
from unit.engine.log_bench import Bench, bench, people

__all__ = ["bench"]


def test_history_then_changes_of_every_kind(bench: Bench) -> None:
    database = people()
    assert bench.run(LogSource(database)).fatal is None
    assert bench.rows("people") == database.rows("people")
    database.update("people", 1, name="new")
    database.update("people", 2, body="new")
    database.delete("people", 3)
    database.move("people", 4, 40)
    database.insert("people", 6, "n6")
    database.delete("people", 5)
    database.insert("people", 5, "again")
    database.insert("people", 7, "short")
    database.delete("people", 7)
    outcome = bench.run(LogSource(database))
    assert (outcome.fatal, outcome.splits) == (None, {})
    assert bench.rows("people") == database.rows("people")
    assert bench.rows("people", "_ps_deleted") == [
        (3, "n3", "b3"), (4, "n4", "b4"), (7, None, None)
    ]  # fmt: skip
    books = bench.job.states["people"].books
    assert (books.read, books.collapsed, books.loaded) == (10, 2, 8)
    assert (books.inserted, books.updated, books.deleted) == (2, 3, 3)


def test_values_that_the_log_left_out_come_from_the_package_and_then_from_the_table(
    bench: Bench,
) -> None:
    database = people(3)
    bench.run(LogSource(database))
    database.update("people", 1, name="a")
    database.update("people", 2, body="written")
    database.update("people", 2, name="b")
    database.insert("people", 4, "n4", "b4")
    database.update("people", 4, name="c")
    database.update("people", 4, name="d")
    bench.run(LogSource(database))
    assert bench.rows("people") == [
        (1, "a", "b1"), (2, "b", "written"), (3, "n3", "b3"), (4, "d", "b4")
    ]  # fmt: skip


def test_an_update_that_changes_nothing_is_not_written(bench: Bench) -> None:
    database = people(2)
    bench.run(LogSource(database))
    database.update("people", 1, name="n1")
    bench.run(LogSource(database))
    books = bench.job.states["people"].books
    assert (books.read, books.unchanged, books.updated) == (1, 1, 0)


def test_history_mode_closes_versions_and_fills_them(bench: Bench) -> None:
    database = people(2)
    bench.run(LogSource(database), WriteMode.HISTORY)
    database.update("people", 1, name="a")
    database.update("people", 1, name="b")
    database.delete("people", 2)
    bench.run(LogSource(database), WriteMode.HISTORY)
    assert bench.rows("people", "_ps_is_active") == [(1, "b", "b1")]
    assert bench.rows("people", "not _ps_is_active") == [
        (1, "a", "b1"), (1, "n1", "b1"), (2, "n2", "b2")
    ]  # fmt: skip


def test_append_mode_keeps_every_row_as_it_came(bench: Bench) -> None:
    database = people(1)
    bench.run(LogSource(database), WriteMode.APPEND)
    database.update("people", 1, name="a")
    database.delete("people", 1)
    bench.run(LogSource(database), WriteMode.APPEND)
    assert bench.rows("people") == [(1, "a", None), (1, "n1", "b1")]
    assert bench.rows("people", "_ps_deleted") == [(1, None, None)]


def test_tables_without_a_key_get_a_row_for_each_change(bench: Bench) -> None:
    database = Database(keyless=["notes"])
    database.insert("notes", 1, "x")
    database.insert("notes", 1, "x")
    bench.run(LogSource(database))
    database.delete("notes", 1)
    bench.run(LogSource(database))
    assert bench.rows("notes") == [(1, "x", "b"), (1, "x", "b")]
    assert bench.rows("notes", "_ps_deleted") == [(1, None, None)]


def test_deletes_can_be_ignored(bench: Bench) -> None:
    database = people(2)
    plan = {"deletes": Deletes.IGNORE}
    bench.run(LogSource(database), plan=plan)
    database.delete("people", 1)
    database.update("people", 2, name="a")
    bench.run(LogSource(database), plan=plan)
    assert bench.rows("people", "true") == [(1, "n1", "b1"), (2, "a", "b2")]
    assert bench.job.states["people"].books.filtered == 1


def test_deletes_can_take_rows_away_even_those_of_a_late_history(bench: Bench) -> None:
    database = people(4)

    def gone(what: str) -> None:
        # Read by the history and deleted before its rows are loaded.
        if what == "people after 0":
            database.delete("people", 2)

    bench.run(LogSource(database, reading=gone), plan={"deletes": Deletes.HARD})
    assert bench.rows("people", "true") == database.rows("people")
    database.delete("people", 1)
    database.delete("people", 3)
    database.insert("people", 3, "again")
    database.insert("people", 9, "short")
    database.delete("people", 9)
    bench.run(LogSource(database), plan={"deletes": Deletes.HARD})
    assert bench.rows("people", "true") == database.rows("people")
    books = bench.job.states["people"].books
    assert (books.deleted, books.updated, books.unchanged) == (1, 1, 1)


def test_a_row_that_was_taken_away_does_not_come_back_with_a_history_that_outlived_a_crash(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, dead = people(4), threading.Event()
    plan = {"deletes": Deletes.HARD}

    def gone(what: str) -> None:
        if what == "people after 0":
            database.delete("people", 2)
            assert dead.wait(10)

    def dies(_load: TableLoad) -> Receipt:
        dead.set()
        raise ConfigError("The machine is gone.")

    with monkeypatch.context() as broken:
        broken.setattr(bench.destination, "load", dies)
        source = LogSource(database, reading=gone)
        assert bench.run(source, plan=plan, package_rows=1).fatal is not None
    assert {package.split for package in bench.job.staging.pending()} == {LOG_SPLIT, "people#1"}
    bench.run(LogSource(database), plan=plan)
    assert bench.rows("people", "true") == database.rows("people")


def test_an_emptied_table_keeps_its_rows_or_has_all_flagged(bench: Bench) -> None:
    database = people(3)
    bench.run(LogSource(database))
    database.truncate("people")
    bench.run(LogSource(database))
    assert len(bench.rows("people")) == 3
    assert bench.job.states["people"].truncated == 1
    database.insert("people", 1, "n1", "b1")
    database.truncate("people")
    database.insert("people", 2, "n2", "b2")
    database.insert("people", 5, "new")
    bench.run(LogSource(database), plan={"truncates": Truncates.FLAG_ALL})
    assert bench.rows("people") == [(2, "n2", "b2"), (5, "new", "b")]
    assert bench.job.states["people"].books.flagged == 2


def test_rows_of_a_history_that_outlived_a_crash_go_with_the_table_that_was_emptied(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, loaded = people(3), threading.Event()
    plan = {"truncates": Truncates.FLAG_ALL}

    def emptied(what: str) -> None:
        # The history has its rows; it hands them over when the log's are in the destination.
        if what == "people after 0":
            database.truncate("people")
            database.insert("people", 9, "new")
            assert loaded.wait(10)

    load = bench.destination.load

    def dies(one: TableLoad) -> Receipt:
        if one.split != LOG_SPLIT:
            raise ConfigError("The machine is gone.")
        receipt = load(one)
        loaded.set()
        return receipt

    with monkeypatch.context() as broken:
        broken.setattr(bench.destination, "load", dies)
        source = LogSource(database, reading=emptied)
        assert bench.run(source, plan=plan, package_rows=1).fatal is not None
    assert bench.rows("people") == [(9, "new", "b")]
    bench.run(LogSource(database), plan=plan)
    assert bench.rows("people") == [(9, "new", "b")]
    assert len(bench.rows("people", "true")) == 4
    database.update("people", 9, name="later")
    bench.run(LogSource(database), plan=plan)
    checkpoint = bench.catalog.positions.load("p")[LOG_SPLIT].checkpoint
    assert checkpoint is not None
    assert not checkpoint.emptied


def test_a_transaction_over_two_tables_is_one_transaction_there_too(bench: Bench) -> None:
    database = Database("orders", "lines")
    bench.run(LogSource(database))
    with database.transaction():
        for number in range(50):
            database.insert("orders", number, "o")
            database.insert("lines", number, "l")
    together: list[int] = []
    load = bench.destination.load_package

    def look(loads: Any) -> Any:
        together.append(len(loads))
        return load(loads)

    bench.destination.load_package = look  # type: ignore[method-assign]
    bench.run(LogSource(database))
    assert together == [2]
    assert bench.rows("orders") == database.rows("orders")
    assert bench.rows("lines") == database.rows("lines")


def test_a_row_that_is_refused_goes_and_all_the_others_of_the_package_stay(bench: Bench) -> None:
    database = Database("orders", "lines")
    bench.run(LogSource(database))
    place = f'{bench.schema}."lines"'
    with bench.destination.transaction() as tx:  # type: ignore[attr-defined]
        if bench.schema == "crm":
            tx.run(f"ALTER TABLE {place} ADD CHECK (name <> 'bad')")
        else:
            tx.run(f"DROP TABLE {place}")
            tx.run(
                f"CREATE TABLE {place} (id BIGINT, name VARCHAR CHECK (name <> 'bad'), "
                "body VARCHAR, _ps_ingested_at BIGINT, _ps_deleted BOOLEAN, _ps_loaded_at BIGINT)"
            )
    with database.transaction():
        database.insert("orders", 1, "o")
        database.insert("lines", 1, "good")
        database.insert("lines", 2, "bad")
    outcome = bench.run(LogSource(database))
    assert (outcome.fatal, outcome.splits) == (None, {})
    assert bench.rows("orders") == [(1, "o", "b")]
    assert bench.rows("lines") == [(1, "good", "b")]
    (failed,) = bench.catalog.failed.list("p", FailedFilter())
    assert (failed.object, failed.key) == ("lines", "2")
