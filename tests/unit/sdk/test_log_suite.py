"""The suite of sources, kept by a source that reads a log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from logged import Database, LogSource
from penstock.sdk.conformance.source import SourceSuite
from penstock.sdk.source import Source, Step


class _Refused(LogSource):
    def check(self) -> Iterator[Step]:
        yield Step("login", ok=False)


class TestLogSource(SourceSuite):
    type = "memory"

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"wrong": False}

    @pytest.fixture
    def refused(self) -> dict[str, Any]:
        return {"wrong": True}

    @contextmanager
    def _opened(self, settings: Mapping[str, Any]) -> Iterator[Source]:
        database = Database("a", "b")
        for table in database.tables:
            for number in range(1, 8):
                database.insert(table, number, "n")
        yield (_Refused if settings["wrong"] else LogSource)(database, chunk=3, batch=2)
