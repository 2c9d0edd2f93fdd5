"""Tidewatch against a server on loopback that answers as its API does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from loopback import Play, Request, Server, reply
from penstock.sdk.conformance.source import SourceSuite

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


class TestSource(SourceSuite):
    """Held to what every source promises; tests of what is special go below."""

    type = "tidewatch"

    @pytest.fixture
    def settings(self, server: Server) -> dict[str, Any]:
        # Without a rate limit the test takes a second.
        return {"base_url": server.url, "token": TOKEN, "rate_limit": None}

    @pytest.fixture
    def refused(self) -> dict[str, Any]:
        return {"token": "wrong"}
