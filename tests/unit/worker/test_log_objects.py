"""Objects of a log that are chosen, left out, read again: none of them misses a change."""

from __future__ import annotations

from contextlib import closing

import pytest

from logged import Database
from penstock.core.errors import ObjectFailed
from penstock.store import Catalog
from unit.worker.log_space import Space, space

__all__ = ["space"]


@pytest.fixture
def shop(space: Space) -> Space:
    """Two tables of which everything was read."""
    space.database = space.source.database = Database("lines", "orders")
    for table in space.database.tables:
        for number in (1, 2, 3):
            space.database.insert(table, number, table)
    assert space.run().exit_code == 0
    return space


def check(space: Space) -> None:
    for table in space.database.tables:
        assert space.rows(table) == space.database.rows(table)


def test_a_run_for_one_object_reads_the_log_of_all(shop: Space) -> None:
    shop.database.delete("lines", 1)
    shop.database.update("orders", 1, name="new")
    shop.run(objects=("orders",))
    check(shop)


def test_one_object_can_be_read_again_while_the_log_goes_on(shop: Space) -> None:
    shop.database.delete("lines", 1)
    shop.database.delete("orders", 1)
    shop.source.begun.clear()
    shop.run(objects=("orders",), full_refresh=True)
    assert sorted(shop.source.begun) == ["#log", "orders#1"]
    check(shop)


def test_all_read_again_begins_at_the_end_of_the_log(shop: Space) -> None:
    shop.database.delete("lines", 1)
    # As after a log that the server has thrown away.
    shop.database.log[:] = [()] * len(shop.database.log)
    shop.run(full_refresh=True)
    check(shop)
    assert shop.log_position() == len(shop.database.log)


def test_a_reload_of_all_that_was_cut_short_begins_again(shop: Space) -> None:
    shop.source.chunk = 2
    shop.source.fail["orders#2"] = ObjectFailed("It broke.", code="source.no")
    shop.run(full_refresh=True)
    shop.database.delete("orders", 1)
    shop.database.log[:] = [()] * len(shop.database.log)
    assert shop.run(full_refresh=True).exit_code == 0
    check(shop)


def test_a_table_that_is_dropped_does_not_stop_the_others_though_it_is_named(shop: Space) -> None:
    shop.choose("orders", "lines", more="settings: {lines: {load_mode: merge}}")
    assert shop.run().exit_code == 0
    del shop.database.tables["lines"]
    shop.database.insert("orders", 9, "later")
    summary = shop.run()
    assert summary.exit_code == 0
    (warning,) = [text for text in summary.warnings if "not in the source any more" in text]
    assert "lines" in warning
    check(shop)
    assert len(shop.rows("lines")) == 3, "its table stays"


def test_an_excluded_table_may_go(shop: Space) -> None:
    shop.choose("*", more="")
    text = (shop.root / "penstock.yaml").read_text()
    (shop.root / "penstock.yaml").write_text(text.replace("['*']}", "['*'], exclude: [gone]}"))
    shop.reopen()
    assert shop.run().exit_code == 0


def test_an_object_that_was_left_out_for_a_time_misses_no_change(shop: Space) -> None:
    shop.choose("orders")
    shop.database.delete("lines", 1)
    shop.database.update("lines", 2, name="unseen")
    shop.run()
    assert len(shop.rows("lines")) == 3
    shop.choose("*")
    shop.source.begun.clear()
    shop.run()
    assert sorted(shop.source.begun) == ["#log", "lines#1"]
    check(shop)
    shop.run()
    check(shop)


def test_tables_are_made_anew_when_the_position_of_their_log_is_lost(shop: Space) -> None:
    with closing(Catalog.open(shop.workspace.catalog_url)) as catalog:
        catalog.positions.reset("p", "#log")
    shop.database.delete("lines", 1)
    shop.database.log[:] = [()] * len(shop.database.log)
    shop.run()
    check(shop)


def test_a_window_of_time_is_refused(shop: Space) -> None:
    summary = shop.run(from_="2026-01-01")
    assert summary.error is not None
    assert summary.error["code"] == "usage.window"
