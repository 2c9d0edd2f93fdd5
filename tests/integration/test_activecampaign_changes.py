"""Changes and deletes of contacts and deals: cursors, overlap, bounds and sweeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activecampaign_reads import Got, calls, ids, opened, read, same_rows
from penstock.core.batch import Hint
from penstock.core.checkpoint import Checkpoint
from penstock.core.clock import now_ms
from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from penstock.sdk.rest import reader

CURSOR = {"contacts": "udate", "deals": "mdate"}
TABLES = sorted(CURSOR)
OLD = "2024-03-01T12:00:00-06:00"
NEWEST = "2024-06-01T12:00:00-05:00"
"""Of the last row: the cursor after a first read, and what the overlap brings again."""


def sandbox(rows: int = 230, **options: Any) -> Sandbox:
    return Sandbox(
        SandboxOptions(contacts=rows, sizes={"deals": rows}, rate_limit=None, redacted=0, **options)
    )


def settle(box: Sandbox, table: str) -> None:
    """Let all rows have changed long ago, so that a read of changes is short."""
    for row in box.rows(table):
        if CURSOR[table] in row:
            box.update(table, row["id"], **{CURSOR[table]: OLD})
    box.update(table, ids(box, table)[-1], **{CURSOR[table]: NEWEST})


def first_read(box: Sandbox, table: str, **settings: Any) -> Checkpoint:
    with opened(box, **settings) as source:
        return read(source, table).checkpoint


def next_read(box: Sandbox, table: str, checkpoint: Checkpoint, **settings: Any) -> Got:
    with opened(box, **settings) as source:
        return read(source, table, checkpoint)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("mode", ["day", "instant"])
@pytest.mark.parametrize("zone", ["America/Chicago", "Pacific/Auckland", "UTC"])
def test_a_later_read_brings_what_changed_and_little_else(table: str, mode: Any, zone: str) -> None:
    with sandbox(filter_mode=mode, zone=zone) as box:
        settle(box, table)
        checkpoint = first_read(box, table)
        changed, added = ids(box, table)[10], box.add(table, 2)
        box.update(table, changed, **({"phone": "1"} if table == "contacts" else {"title": "x"}))
        got = next_read(box, table, checkpoint)
        assert {changed, *map(int, added)} <= set(got.ids)
        assert set(got.hints[Hint.VERSION]) == {changed, *map(int, added)}
        assert got.checkpoint.shown[CURSOR[table]] > checkpoint.shown[CURSOR[table]]


@pytest.mark.parametrize("table", TABLES)
def test_nothing_new_costs_two_calls_and_keeps_the_cursor(table: str) -> None:
    with sandbox() as box:
        settle(box, table)
        checkpoint = first_read(box, table)
        before = calls(box, f"/{table}")
        got = next_read(box, table, checkpoint)
        assert calls(box, f"/{table}") == before + 2
        assert got.checkpoint.position == checkpoint.position
        assert Hint.VERSION not in got.hints
        assert got.verified is None


def test_rows_read_again_by_the_overlap_are_marked_as_seen() -> None:
    with sandbox() as box:
        settle(box, "contacts")
        box.update("contacts", 5, udate=datetime.now(UTC).isoformat(timespec="seconds"))
        checkpoint = first_read(box, "contacts")
        got = next_read(box, "contacts", checkpoint)
        assert got.hints == {Hint.SEEN: [5]}


def test_instants_are_compared_and_not_their_texts() -> None:
    with sandbox() as box:
        settle(box, "contacts")
        # As text the second is greater, as an instant the first.
        box.update("contacts", 5, udate="2025-03-08T23:30:00-06:00")
        box.update("contacts", 6, udate="2025-03-09T00:10:00-05:00")
        checkpoint = first_read(box, "contacts")
        assert checkpoint.shown == {"udate": "2025-03-08T23:30:00-06:00"}


def test_the_cursor_never_passes_the_time_the_run_began() -> None:
    with sandbox() as box:
        box.update("contacts", 5, udate="2031-01-01T00:00:00-06:00")
        checkpoint = first_read(box, "contacts")
        at = datetime.fromisoformat(checkpoint.shown["udate"])
        assert abs((datetime.now(UTC) - at).total_seconds()) < 60
        assert checkpoint.shown["udate"].endswith("-06:00")


def test_the_time_is_the_server_s_and_not_ours() -> None:
    with sandbox() as box:
        box.set_ahead(-7200)
        box.update("contacts", 5, udate="2031-01-01T00:00:00-06:00")
        checkpoint = first_read(box, "contacts")
        at = datetime.fromisoformat(checkpoint.shown["udate"])
        assert 7100 < (datetime.now(UTC) - at).total_seconds() < 7300


@pytest.mark.parametrize("table", TABLES)
def test_the_cursor_moves_only_with_the_last_batch(table: str) -> None:
    with sandbox() as box, opened(box) as source:
        got = read(source, table, batch_rows=60)
        shown = [batch.checkpoint.shown for batch in got.batches if batch.checkpoint]
        assert len(shown) >= 3
        assert all(s == {} for s in shown[:-1])
        assert shown[-1]


@pytest.mark.parametrize("table", TABLES)
def test_changes_are_read_on_from_every_checkpoint_under_the_same_filter(table: str) -> None:
    with sandbox() as box:
        settle(box, table)
        checkpoint = first_read(box, table)
        for row_id in ids(box, table)[:200]:
            box.update(table, row_id, **{CURSOR[table]: "2025-01-01T00:00:00-06:00"})
        wanted = ids(box, table)[:200]
        for stop in (1, 2):
            with opened(box) as source:
                first = read(source, table, checkpoint, stop_after=stop, batch_rows=60)
            second = next_read(box, table, first.checkpoint)
            assert same_rows(first.fresh + second.fresh, wanted)
            run = first.checkpoint.position["run"]
            assert run["since"] == "2024-05-31"
            assert second.checkpoint.shown == {CURSOR[table]: "2025-01-01T00:00:00-06:00"}


@pytest.mark.parametrize("table", TABLES)
def test_a_filter_that_is_ignored_is_noticed_and_all_is_read(table: str) -> None:
    with sandbox(filter_mode="ignored") as box:
        settle(box, table)
        checkpoint = first_read(box, table)
        got = next_read(box, table, checkpoint)
        assert same_rows(got.ids, ids(box, table))
        assert got.verified is True
        assert any("ignores the filter" in text for text in got.warnings)
        assert set(got.hints) == {Hint.SEEN}


@pytest.mark.parametrize("ahead_days", [0, 10])
def test_rows_that_claim_to_be_of_the_future_do_not_discredit_the_filter(ahead_days: int) -> None:
    """A change time is wrong, or our clock is behind that of the server."""
    with sandbox() as box:
        box.set_ahead(ahead_days * 86_400)
        settle(box, "contacts")
        late = datetime.now(UTC) + timedelta(days=ahead_days or 400)
        box.update("contacts", 5, udate=late.isoformat(timespec="seconds"))
        checkpoint = first_read(box, "contacts")
        got = next_read(box, "contacts", checkpoint)
        assert not got.warnings
        assert 5 in got.ids
        assert len(got.ids) < 5


def test_a_start_date_leaves_older_rows_out_of_the_first_read() -> None:
    with sandbox() as box:
        settle(box, "contacts")
        box.update("contacts", 5, udate="2025-06-01T00:00:00-05:00")
        box.update("contacts", 6, udate="2025-05-31T23:59:59-05:00")
        box.update("contacts", 7, udate="2025-06-02T08:00:00-05:00")
        with opened(box, start_date="2025-06-01") as source:
            got = read(source, "contacts")
        assert sorted(got.ids) == [5, 7]
        assert got.verified is None
        later = next_read(box, "contacts", got.checkpoint, start_date="2025-06-01")
        assert later.verified is None


@pytest.mark.parametrize(
    ("start", "loaded"),
    [
        ("2025-06-01 06:00:00", [5, 7]),
        ("2025-06-01T06:00:00", [5, 7]),
        ("2025-06-01T11:00:00Z", [5, 7]),
        ("2025-06-01T11:00:01Z", [7]),
        ("2025-06-01T13:00:00+02:00", [5, 7]),
        ("2025-06-01T05:59:59-05:00", [5, 6, 7]),
    ],
)
def test_a_start_may_be_a_time_in_a_zone(start: str, loaded: list[int]) -> None:
    with sandbox() as box:
        settle(box, "contacts")
        box.update("contacts", 5, udate="2025-06-01T06:00:00-05:00")
        box.update("contacts", 6, udate="2025-06-01T05:59:59-05:00")
        box.update("contacts", 7, udate="2025-06-01T11:30:00-04:00")
        with opened(box, start_date=start) as source:
            got = read(source, "contacts")
        assert sorted(got.ids) == loaded


def test_the_overlap_of_a_later_run_stays_behind_the_start() -> None:
    with sandbox() as box:
        settle(box, "contacts")
        box.update("contacts", 5, udate="2025-06-01T06:00:00-05:00")
        box.update("contacts", 6, udate="2025-06-01T05:59:59-05:00")
        with opened(box, start_date="2025-06-01 06:00:00") as source:
            got = read(source, "contacts")
            later = read(source, "contacts", got.checkpoint)
        assert (got.ids, later.ids) == ([5], [5])


def test_bounds_choose_rows_and_save_nothing() -> None:
    with sandbox() as box, opened(box) as source:
        settle(box, "contacts")
        for row_id, at in ((5, "2025-06-01T00:00:00-05:00"), (6, "2025-06-30T23:59:59-05:00")):
            box.update("contacts", row_id, udate=at)
        box.update("contacts", 7, udate="2025-07-01T00:00:00-05:00")
        got = read(source, "contacts", bounds={"from": "2025-06-01", "to": "2025-07-01"})
        assert sorted(got.ids) == [5, 6]
        assert all(b.checkpoint is None and b.full_pass is None for b in got.batches)


# Deletes


def aged(checkpoint: Checkpoint, days: float) -> Checkpoint:
    """The checkpoint as if its complete read were so many days ago."""
    position = dict(checkpoint.position)
    position["complete"] -= int(days * 86_400_000)
    return replace(checkpoint, position=position)


@pytest.mark.parametrize("table", TABLES)
def test_a_due_sweep_reads_all_keys_and_a_fresh_one_waits(table: str) -> None:
    with sandbox() as box:
        settle(box, table)
        checkpoint = first_read(box, table)
        box.delete(table, *ids(box, table)[3:6])
        assert next_read(box, table, aged(checkpoint, 6.9)).verified is None
        got = next_read(box, table, aged(checkpoint, 7.1))
        assert got.verified is True
        assert got.pass_keys == set(ids(box, table))
        keys = [b for b in got.batches if b.full_pass and b.full_pass.keys_only]
        assert all(b.rows.schema.names == ["id"] for b in keys if b.rows is not None)
        assert got.ids == [ids(box, table)[-1]]
        again = next_read(box, table, got.checkpoint)
        assert again.verified is None


@pytest.mark.parametrize(("days", "verified"), [(-1, True), (-30, True), (-0.001, None)])
def test_a_last_sweep_in_the_future_keeps_none_away(days: float, verified: bool | None) -> None:
    """A clock was set back; by a minute and a half is no more than clocks differ by."""
    with sandbox() as box:
        got = next_read(box, "contacts", aged(first_read(box, "contacts"), days))
        assert got.verified is verified
        assert next_read(box, "contacts", got.checkpoint).verified is None


def test_sweeps_come_by_the_clock_of_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    with sandbox() as box:
        checkpoint = first_read(box, "contacts")
        later = now_ms() + 30 * 86_400_000
        monkeypatch.setattr(reader, "now_ms", lambda: later)
        assert next_read(box, "contacts", checkpoint).verified is None


@pytest.mark.parametrize(("setting", "verified"), [("off", None), ("1h", True)])
def test_how_often_is_a_setting(setting: str, verified: bool | None) -> None:
    with sandbox() as box:
        checkpoint = first_read(box, "contacts", delete_sweep=setting)
        got = next_read(box, "contacts", aged(checkpoint, 1), delete_sweep=setting)
        assert got.verified is verified


@pytest.mark.parametrize("table", TABLES)
def test_a_sweep_goes_on_from_every_checkpoint(table: str) -> None:
    with sandbox() as box:
        settle(box, table)
        checkpoint = aged(first_read(box, table), 8)
        for stop in (2, 3):
            with opened(box) as source:
                first = read(source, table, checkpoint, stop_after=stop, batch_rows=60)
            second = next_read(box, table, first.checkpoint)
            assert second.verified is True
            sweep = first.batches[-1].full_pass
            assert sweep.keys_only
            keys = first.pass_keys | {
                key
                for b in second.batches
                if b.rows is not None and b.full_pass and b.full_pass.id == sweep.id
                for key in b.rows.column("id").to_pylist()
            }
            assert keys == set(ids(box, table))


def test_a_full_refresh_begins_anew() -> None:
    with sandbox() as box:
        checkpoint = first_read(box, "contacts")
        with opened(box) as source:
            got = read(source, "contacts", checkpoint, restart=True)
        assert same_rows(got.ids, ids(box, "contacts"))
        assert set(got.hints) == {Hint.VERSION}


@pytest.mark.parametrize("table", TABLES)
def test_a_read_that_goes_on_also_brings_what_changed_since_it_began(table: str) -> None:
    with sandbox() as box:
        settle(box, table)
        with opened(box) as source:
            first = read(source, table, stop_after=1, batch_rows=60)
        changed = first.ids[3]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        box.update(table, changed, **{CURSOR[table]: now, "hash": "new"})
        second = next_read(box, table, first.checkpoint)
        assert [row["hash"] for row in second.rows if row["id"] == changed] == ["new"]
        assert set(first.ids + second.ids) == set(map(int, ids(box, table)))
        assert second.checkpoint.position.get("run") is None


@pytest.mark.parametrize("table", TABLES)
def test_a_change_delivered_while_the_run_was_on_is_marked_when_it_comes_again(table: str) -> None:
    """Its time is after the cursor, which stops at the beginning of the run."""
    with sandbox() as box:
        settle(box, table)
        box.set_ahead(-600)
        late = ids(box, table)[-2]
        box.update(table, late, **{CURSOR[table]: datetime.now(UTC).isoformat(timespec="seconds")})
        checkpoint = first_read(box, table)
        assert checkpoint.shown[CURSOR[table]] < box.rows(table)[-2][CURSOR[table]]
        got = next_read(box, table, checkpoint)
        assert got.hints == {Hint.SEEN: [late]}
        box.update(table, late, **{CURSOR[table]: "2031-01-01T00:00:00Z"})
        assert next_read(box, table, got.checkpoint).hints[Hint.VERSION] == [late]
