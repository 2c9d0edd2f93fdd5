"""Rows that come, go and move while ActiveCampaign is read, and reads that go on after a crash."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from activecampaign_reads import Got, calls, ids, opened, read, same_rows
from penstock.core.batch import Hint
from penstock.core.checkpoint import Checkpoint
from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from penstock.sdk.source import Source

PATHS = {"accounts": "/accounts", "contacts": "/contacts", "deals": "/deals"}
ROWS = 520


def sandbox(**sizes: int) -> Sandbox:
    options = SandboxOptions(
        contacts=ROWS, sizes={"accounts": ROWS, "deals": ROWS, **sizes}, rate_limit=None
    )
    return Sandbox(options)


def one_at_a_time(source: Source, *tables: str) -> None:
    """Let pages be asked for one after the other, so that a test knows what was read when."""
    streams = dict(source.spec.streams)
    for table in tables:
        streams[table] = streams[table].model_copy(update={"ahead": 1})
    source.spec = source.spec.model_copy(update={"streams": streams})


@pytest.mark.parametrize("table", ["accounts", "contacts", "deals"])
@pytest.mark.parametrize("ahead", ["one page at a time", "pages at once"])
@pytest.mark.parametrize("deleted", ["of those read", "the last one read", "of those to come"])
def test_a_row_deleted_between_pages_makes_no_other_one_lost(
    table: str, ahead: str, deleted: str
) -> None:
    with sandbox() as box, opened(box) as source:
        if ahead == "one page at a time":
            one_at_a_time(source, table)
        before = order_of(box, table)
        victim = {"of those read": 3, "the last one read": 99, "of those to come": 300}[deleted]
        box.after(PATHS[table], 1, lambda: box.delete(table, before[victim]))
        got = read(source, table)
        left = set(ids(box, table))
        assert left <= set(got.ids)
        assert len(got.ids) == len(set(got.ids))
        assert got.verified is True
        assert left <= got.pass_keys


@pytest.mark.parametrize("table", ["accounts", "contacts", "deals"])
def test_rows_added_while_reading_are_not_read_twice(table: str) -> None:
    with sandbox() as box, opened(box) as source:
        before = set(ids(box, table))
        box.after(PATHS[table], 2, lambda: box.add(table, 3))
        got = read(source, table)
        assert before <= set(got.ids)
        assert len(got.ids) == len(set(got.ids))
        assert got.verified is True


def test_an_object_that_never_stands_still_is_read_and_flags_nothing() -> None:
    with sandbox() as box, opened(box) as source:
        rows = ids(box, "accounts")

        def delete_and_again(at: int) -> None:
            box.delete("accounts", rows[at])
            box.after("/accounts", 3, lambda: delete_and_again(at + 1))

        box.after("/accounts", 2, lambda: delete_and_again(0))
        got = read(source, "accounts")
        assert set(ids(box, "accounts")) <= set(got.ids)
        assert len(got.ids) == len(set(got.ids))
        assert got.verified is False
        assert any("moved while they were read" in text for text in got.warnings)
        # Three reads of six pages, and pages asked for ahead that were thrown away.
        assert calls(box, "/accounts") <= 60


def test_contacts_that_do_not_come_by_id_are_read_by_offset() -> None:
    with sandbox() as box, opened(box) as source:
        pages = source.spec.streams["contacts"].pages
        ignored = pages.model_copy(update={"param": "id_larger", "order": {"orders[x]": "ASC"}})
        stream = source.spec.streams["contacts"].model_copy(update={"pages": ignored})
        source.spec = source.spec.model_copy(
            update={"streams": {**source.spec.streams, "contacts": stream}}
        )
        got = read(source, "contacts")
        assert set(got.ids) == set(ids(box, "contacts"))
        assert got.verified is True
        assert any("did not return rows in the order of their ids" in t for t in got.warnings)


def test_deals_beyond_an_offset_are_read_from_an_anchor() -> None:
    with sandbox() as box, opened(box) as source:
        anchored(source, after=150)
        # Several pages of one second, on both sides of an anchor.
        for row in box.rows("deals")[150:420]:
            box.update("deals", row["id"], cdate="2024-05-05T05:05:05-05:00")
        got = read(source, "deals")
        assert same_rows(got.ids, ids(box, "deals"))
        assert got.verified is True
        queries = [call.query for call in box.calls if call.path == "/deals"]
        assert any("created_after" in query for query in queries)
        assert len(queries) <= 15


def test_an_anchor_that_is_ignored_is_given_up() -> None:
    with sandbox() as box, opened(box) as source:
        anchored(source, after=150, param="filters[unknown]")
        got = read(source, "deals")
        assert same_rows(got.ids, ids(box, "deals"))
        assert got.verified is True
        assert calls(box, "/deals") <= 9


def anchored(source: Source, after: int, param: str = "filters[created_after]") -> None:
    pages = source.spec.streams["deals"].pages
    anchor = pages.anchor.model_copy(update={"after": after, "param": param})
    stream = source.spec.streams["deals"].model_copy(
        update={"pages": pages.model_copy(update={"anchor": anchor})}
    )
    source.spec = source.spec.model_copy(
        update={"streams": {**source.spec.streams, "deals": stream}}
    )


# After a crash


def order_of(box: Sandbox, table: str) -> list[int]:
    rows = box.rows(table)
    if table == "deals":
        rows = sorted(rows, key=lambda row: str(row.get("cdate", "")))
    return [int(row["id"]) for row in rows]


def stopped_everywhere(
    box: Sandbox, table: str, check: Callable[[Got, Got], None], **how: object
) -> int:
    """Stop a read after each of its batches, go on in a new process's stead; returns how often."""
    stops = 0
    while True:
        stops += 1
        with opened(box) as source:
            first = read(source, table, stop_after=stops, batch_rows=60)
        if len(first.batches) < stops:
            return stops - 1
        with opened(box) as source:
            check(first, read(source, table, first.checkpoint, batch_rows=60))


@pytest.mark.parametrize("table", ["accounts", "contacts", "deals"])
def test_a_read_goes_on_from_every_checkpoint(table: str) -> None:
    with sandbox() as box:
        wanted = ids(box, table)

        def check(first: Got, second: Got) -> None:
            last_is_complete = first.verified is True
            if not last_is_complete:
                assert same_rows(first.fresh + second.fresh, wanted)
                assert second.verified is True
                assert first.batches[-1].full_pass.id == second.batches[0].full_pass.id

        assert stopped_everywhere(box, table, check) >= 4


def test_chains_of_contacts_go_on_from_every_checkpoint() -> None:
    with Sandbox(SandboxOptions(contacts=2_300, rate_limit=None, latency=0.002)) as box:
        wanted = ids(box, "contacts")
        for stop in (1, 5, 12, 20):
            with opened(box) as source:
                first = read(source, "contacts", stop_after=stop, batch_rows=60)
            with opened(box) as source:
                second = read(source, "contacts", first.checkpoint, batch_rows=60)
            assert same_rows(first.fresh + second.fresh, wanted)
            assert second.verified is True


def test_a_read_that_goes_on_over_moved_rows_begins_again_and_says_so() -> None:
    with sandbox() as box:
        with opened(box) as source:
            first = read(source, "accounts", stop_after=2, batch_rows=60)
        box.delete("accounts", ids(box, "accounts")[5])
        with opened(box) as source:
            second = read(source, "accounts", first.checkpoint, batch_rows=60)
        left = set(ids(box, "accounts"))
        assert left == second.pass_keys
        assert second.verified is True
        assert second.batches[-1].full_pass.id != first.batches[-1].full_pass.id
        assert set(second.hints) == {Hint.SEEN}


def test_a_cancelled_read_keeps_what_came() -> None:
    with sandbox() as box, opened(box) as source:
        from penstock.sdk.source import ReadContext

        context = ReadContext(batch_rows=60)
        seen: list[int] = []
        checkpoint: Checkpoint | None = None
        from activecampaign_reads import split_of

        for batch in source.read(split_of("accounts"), None, context):
            seen += batch.rows["id"].to_pylist()
            checkpoint = batch.checkpoint
            context.cancel.set()
        assert checkpoint is not None
        rest = read(source, "accounts", checkpoint)
        assert same_rows(seen + rest.ids, ids(box, "accounts"))
