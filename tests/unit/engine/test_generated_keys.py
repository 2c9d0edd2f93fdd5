"""Rows whose key is generated, from a batch to loads and failed events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penstock.core.load import WriteMode
from penstock.core.stream import RowId, Stream
from penstock.engine.run import run
from penstock.engine.staging import LocalStaging
from penstock.engine.task import StreamPlan
from unit.engine.doubles import ListSource, MemoryCatalog, MemoryDestination, task

FEED = Stream("people", pa.schema([("n", pa.int64())]), reports_deletes=True, row_id=RowId())


class Feed:
    """Loads of one stream without a key into one table, job after job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.destination = MemoryDestination()
        self.catalog = MemoryCatalog()
        self.warnings: list[str] = []

    def load(
        self,
        rows: list[dict[str, Any]],
        ids: list[str | None] | None,
        key: tuple[str, ...] = ("_ps_id",),
        mode: WriteMode = WriteMode.MERGE,
        generation: int = 0,
    ) -> None:
        given = {0: {"row_ids": pa.array(ids, pa.string())}} if ids is not None else {}
        job = task(
            self.folder, ListSource([rows], FEED, extra=given), self.destination, self.catalog
        )
        plan = StreamPlan(FEED, "people", mode if key else WriteMode.APPEND, key, generation)
        job = replace(job, plans={"people": plan}, warn=lambda _, text: self.warnings.append(text))
        assert run(job, job.source.plan(job.source.discover())).fatal is None

    @property
    def stored(self) -> list[tuple[Any, ...]]:
        return [(row.get("_ps_id"), row["n"]) for row in self.destination.tables["people"]]

    @property
    def failed(self) -> list[tuple[str, str | None]]:
        return [(event.code, event.key) for done in self.catalog.commits for event in done.failed]


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    return Feed(tmp_path)


def test_equal_ids_are_one_row_and_those_that_are_gone_are_swept(feed: Feed) -> None:
    feed.load([{"n": 1}, {"n": 2}, {"n": 1}], ["a", "b", "a"])
    assert sorted(feed.stored) == [("a", 1), ("b", 2)]
    assert feed.catalog.commits[-1].parts[0].books.collapsed == 1
    feed.load([{"n": 2}], ["b"])
    assert [row["_ps_id"] for row in feed.destination.tables["people"] if row["_ps_deleted"]] == [
        "a"
    ]


def test_a_row_without_its_id_is_set_aside(feed: Feed) -> None:
    feed.load([{"n": 1}, {"n": 2}], ["a", None])
    feed.load([{"n": 3}], None)
    assert feed.failed == [("NULL_IN_PRIMARY_KEY", None)] * 2
    assert feed.stored[0] == ("a", 1)


def test_refused_rows_keep_the_ids_they_were_read_with(feed: Feed) -> None:
    feed.destination.refuse = {"b"}
    feed.load([{"n": 1}, {"n": 2}], ["a", "b"])
    assert feed.failed == [("CONSTRAINT_VIOLATION", "b")]
    [file] = {event.file for done in feed.catalog.commits for event in done.failed}
    with LocalStaging(feed.folder, feed.folder / "failed" / "p").open_failed(file) as opened:
        assert pq.read_table(opened).column("row_id").to_pylist() == ["b"]


def test_a_table_without_a_key_takes_it_in_a_full_reload_only(feed: Feed) -> None:
    feed.load([{"n": 1}], ["a"], key=())
    assert feed.warnings == []
    feed.load([{"n": 2}], ["b"])
    assert feed.stored == [(None, 1), (None, 2)]
    assert ["--full-refresh" in text for text in feed.warnings] == [True]
    feed.load([{"n": 3}], ["c"], generation=1)
    assert feed.destination.loads[-1].key == ("_ps_id",)
    assert "_ps_id" in feed.destination.loads[-1].schema.names
    assert len(feed.warnings) == 1
    assert feed.catalog.mappings["people"].key == ("_ps_id",)
