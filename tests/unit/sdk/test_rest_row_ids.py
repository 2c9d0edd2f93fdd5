"""Streams of a card whose rows have no key: their ids through paging, sweeps and sideloads."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopback import Play, Request, Server, reply
from penstock.core.batch import Batch
from penstock.core.cards import Card, Setting
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import ConfigError
from penstock.core.stream import RowId, Split
from penstock.sdk.rest import RestSource
from penstock.sdk.row_ids import row_id
from penstock.sdk.source import ReadContext

Rows = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def source(folder: Path, url: str, stream: dict[str, Any], **rest: Any) -> RestSource:
    card = Card(
        name="feed",
        title="Feed",
        role="source",
        settings={"url": Setting(type="url", label="URL", required=True)},
        rest={"base_url": {"setting": "url"}, "streams": {"events": stream}, **rest},
        folder=folder,
    )
    return RestSource(card, card.settings_model()(url=url))


def read(made: RestSource, checkpoint: Checkpoint | None = None, rows: int = 5_000) -> list[Batch]:
    [split] = made.plan(made.discover())
    return list(made.read(split, checkpoint, ReadContext(batch_rows=rows)))


def ids(batches: list[Batch], stream: str = "events") -> list[str]:
    found: list[str] = []
    for batch in batches:
        if batch.stream == stream and batch.rows is not None:
            assert len(batch.row_ids) == batch.num_rows
            found += batch.row_ids.to_pylist()
    return found


def id_of(row: dict[str, Any], *fields: str) -> str:
    return row_id(json.dumps(row).encode(), RowId(fields))


def paged(rows: Rows, between: Callable[[int], object] = lambda _: None) -> Any:
    """An API by offset that counts its rows; `between` may change them after each answer."""

    def answer(request: Request, number: int) -> Play:
        asked = dict(request.params)
        start, limit = int(asked["offset"]), int(asked["limit"])
        body = json.dumps({"rows": rows[start : start + limit], "total": len(rows)})
        between(number)
        return reply(body)

    return answer


OFFSET = {"pages": {"kind": "offset", "limit": 5, "overlap": 1}, "total": "total"}
EVENTS = {"path": "/events", "records": "rows", "primary_key": [], "ahead": 1}


def test_equal_rows_all_count_and_do_not_spoil_a_complete_read(tmp_path: Path) -> None:
    rows = [{"n": at // 3} for at in range(17)]
    with Server(paged(rows)) as server, made(tmp_path, server) as opened:
        batches = read(opened, rows=4)
    assert sorted(ids(batches)) == sorted(map(id_of, rows))
    assert batches[-1].full_pass is not None
    assert batches[-1].full_pass.verified


def test_rows_that_move_between_pages_are_noticed_by_their_ids(tmp_path: Path) -> None:
    rows = [{"n": at} for at in range(17)]

    def between(number: int) -> None:
        if number == 1:
            # As many as before, but one that was not read yet has moved to before the page.
            del rows[2]
            rows.append({"n": 99})

    with Server(paged(rows, between)) as server, made(tmp_path, server) as opened:
        batches = read(opened)
    assert {*map(id_of, rows)} <= {*ids(batches)}


def made(folder: Path, server: Server) -> Any:
    from contextlib import closing

    return closing(source(folder, server.url, EVENTS, **OFFSET))


CHANGING = {
    "path": "/events",
    "records": "rows",
    "row_id": "payload",
    "cursor": {"field": "at", "after": "since"},
}


@pytest.mark.parametrize(
    ("stream", "columns"),
    [
        (CHANGING, []),
        ({**CHANGING, "row_id": None, "primary_key": ["at", "n"]}, ["at", "n"]),
    ],
    ids=["generated", "two fields"],
)
def test_a_sweep_brings_nothing_but_keys(
    tmp_path: Path, stream: dict[str, Any], columns: list[str]
) -> None:
    rows = [{"at": f"2025-01-0{day}T00:00:00Z", "n": day} for day in range(1, 8)]
    with Server(lambda *_: reply(json.dumps({"rows": rows}))) as server:
        opened = source(tmp_path, server.url, stream, sweep="7d")
        first = read(opened)[-1].checkpoint
        assert first is not None
        del rows[3]
        due = {**first.position, "complete": first.position["complete"] - 8 * 86_400_000}
        batches = read(opened, replace(first, position=due))
        opened.close()
    swept = [batch for batch in batches if batch.full_pass and batch.full_pass.keys_only]
    [keys] = [batch.rows for batch in swept if batch.rows is not None]
    assert (keys.num_rows, keys.schema.names) == (6, columns)
    if not columns:
        assert ids(swept) == [id_of(row) for row in rows]
    assert swept[-1].full_pass is not None
    assert swept[-1].full_pass.verified


def test_sideloaded_rows_without_a_key_come_once(tmp_path: Path) -> None:
    side = {"records": "days", "row_id": ["day"]}
    stream = {
        "path": "/events",
        "records": "rows",
        "pages": {"kind": "page", "size": 2},
        "sideloads": {"days": side},
    }

    def answer(request: Request, number: int) -> Play:
        days = [{"day": "a", "n": 1}, {"day": f"b{number}", "n": 2}]
        rows = [{"id": number * 10 + at} for at in range(2 - number)]
        return reply(json.dumps({"rows": rows, "days": days}))

    with Server(answer) as server:
        opened = source(tmp_path, server.url, stream)
        batches = read(opened)
        opened.close()
    days = [{"day": "a"}, {"day": "b0"}, {"day": "b1"}]
    assert ids(batches, "days") == [id_of(day, "day") for day in days]
    assert all(batch.row_ids is None for batch in batches if batch.stream == "events")


def test_a_preview_has_the_ids_of_its_rows(tmp_path: Path) -> None:
    rows = [{"n": at} for at in range(9)]
    with Server(lambda *_: reply(json.dumps({"rows": rows}))) as server:
        opened = source(tmp_path, server.url, EVENTS)
        batches = list(opened.read(Split("events", ("events",)), None, ReadContext(limit=3)))
        opened.close()
    assert ids(batches) == [id_of(row) for row in rows[:3]]


@pytest.mark.parametrize(
    ("stream", "key", "row"),
    [
        ({"primary_key": []}, (), RowId((), frozenset({"links"}))),
        ({"row_id": "payload"}, (), RowId((), frozenset({"links"}))),
        ({"row_id": ["day", "to"]}, (), RowId(("day", "to"), frozenset({"links"}))),
        ({"row_id": ["day"], "primary_key": [], "drop": []}, (), RowId(("day",))),
        ({}, ("id",), None),
        ({"primary_key": ["a", "b"]}, ("a", "b"), None),
    ],
)
def test_what_a_card_says_of_the_key(
    tmp_path: Path, stream: dict[str, Any], key: tuple[str, ...], row: RowId | None
) -> None:
    opened = source(tmp_path, "http://127.0.0.1:9", {"path": "/e", **stream}, drop=["links"])
    [found] = opened.discover()
    opened.close()
    assert (found.primary_key, found.row_id) == (key, row)
    assert found.key == (key or ("_ps_id",))
    assert found.reports_deletes


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        ({"row_id": "payload", "primary_key": ["id"]}, "need no row_id"),
        ({"row_id": []}, "at least 1 item"),
        ({"row_id": "record"}, "'payload'"),
        ({"sideloads": {"s": {"records": "s", "row_id": ["a"], "primary_key": ["a"]}}}, "need no"),
    ],
)
def test_a_card_that_says_both_or_nothing_is_refused(
    tmp_path: Path, stream: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        source(tmp_path, "http://127.0.0.1:9", {"path": "/e", **stream})
    assert told in raised.value.message
    assert raised.value.code == "config.card"
