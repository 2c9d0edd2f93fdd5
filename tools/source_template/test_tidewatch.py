"""Tidewatch against a server on loopback that answers as its API does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from loopback import Play, Request, Server, reply
from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.registry import Registry
from penstock.core.stream import Split
from penstock.sdk.opening import open_source
from penstock.sdk.source import ReadContext, Source

TOKEN = "a-token"
PAGE = 100
# Replace these by rows of the real API, without names and secrets.
ROWS: list[dict[str, Any]] = [
    {"id": n, "gauge": f"G{n % 7}", "taken_at": "2026-01-05T10:00:00Z", "level_mm": 100 + n}
    for n in range(1, 251)
]


def answer(request: Request, _number: int) -> Play:
    if request.headers.get("authorization") != f"Bearer {TOKEN}":
        return reply('{"error": "unauthorized"}', 401)
    start = (int(dict(request.params).get("page", "1")) - 1) * PAGE
    return reply(json.dumps({"items": ROWS[start : start + PAGE]}))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(answer) as running:
        yield running


@contextmanager
def opened(server: Server, token: str = TOKEN) -> Iterator[Source]:
    card = Registry.scan().card("source", "tidewatch")
    with closing(open_source(card, {"base_url": server.url, "token": token})) as source:
        yield source


@pytest.fixture
def source(server: Server) -> Iterator[Source]:
    with opened(server) as one:
        yield one


def read(
    source: Source, split: Split, checkpoint: Checkpoint | None = None, batch_rows: int = PAGE
) -> list[Batch]:
    return list(source.read(split, checkpoint, ReadContext(batch_rows=batch_rows)))


def keys(batches: list[Batch]) -> list[int]:
    return [row["id"] for batch in batches if batch.rows for row in batch.rows.to_pylist()]


def only_split(source: Source) -> Split:
    (split,) = source.plan(source.discover())
    return split


def test_a_good_token_passes_every_step_of_the_check(source: Source) -> None:
    assert [step for step in source.check() if not step.ok] == []


def test_a_wrong_token_fails_at_a_named_step(server: Server) -> None:
    with opened(server, token="wrong") as source:
        *before, last = source.check()
    assert all(step.ok for step in before)
    assert not last.ok


def test_every_row_comes_once_with_the_declared_types(source: Source) -> None:
    batches = read(source, only_split(source))
    assert keys(batches) == [row["id"] for row in ROWS]
    rows = next(batch.rows for batch in batches if batch.rows)
    declared = source.discover()[0].schema
    assert [rows.schema.field(name).type for name in declared.names] == declared.types


def test_going_on_from_any_checkpoint_leaves_nothing_out(source: Source) -> None:
    split = only_split(source)
    batches = read(source, split)
    for end, batch in enumerate(batches[:-1]):
        if batch.checkpoint:
            rest = read(source, split, batch.checkpoint)
            assert set(keys(batches[: end + 1])) | set(keys(rest)) == set(keys(batches))


def test_reading_again_brings_the_same(source: Source) -> None:
    split = only_split(source)
    assert keys(read(source, split)) == keys(read(source, split, batch_rows=30))
