"""A workspace whose source is a database in memory with a log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from logged import Database, LogSource
from penstock.control.workspace import Workspace
from penstock.core.flush import Flush
from penstock.core.progress import Progress, Summary
from penstock.core.registry import Registry
from penstock.sdk.opening import settings_model
from penstock.store import Catalog
from penstock.worker.follow import follow
from penstock.worker.jobs import run_pipeline
from penstock.worker.options import RunOptions

FILE = """
version: 1
sources: {db: {type: activecampaign, api_url: "http://127.0.0.1:1", api_key: none}}
destinations: {w: {type: duckdb, path: w.duckdb}}
pipelines: {p: {source: db, destination: w, objects: {include: %s}, %s}}
"""


class Told:
    """A watcher that keeps messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def progress(self, snapshot: Progress) -> None: ...

    def message(self, level: str, text: str) -> None:
        self.messages.append(text)


class Space:
    """A workspace whose source is a database in memory."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.choose("*")
        self.database = Database("people")
        self.source = LogSource(self.database)
        self.told = Told()
        self.cancel = threading.Event()
        monkeypatch.setattr("penstock.worker.setup.open_source", lambda *_: self.source)

    def choose(self, *objects: str, more: str = "") -> None:
        """Write the file with these objects, and more settings of the pipeline."""
        (self.root / "penstock.yaml").write_text(FILE % (list(objects), more))
        self.reopen()

    def reopen(self) -> None:
        """Read the file again."""
        self.workspace = Workspace.open(
            self.root, registry=Registry.scan(), model_of=settings_model, environ={}
        )

    def run(self, **options: Any) -> Summary:
        return run_pipeline(
            self.workspace, "p", RunOptions(**options), self.told, threading.Event()
        )

    def follow(self, job_s: float = 60.0, **options: Any) -> list[Summary]:
        """Summaries of all jobs, once `cancel` is set."""
        done: list[Summary] = []
        options = {"flush": Flush(seconds=0.05), **options}
        last = follow(
            self.workspace, "p", RunOptions(**options), self.told, self.cancel, done.append,
            job_s=job_s,
        )  # fmt: skip
        return [*done, last]

    def rows(self, table: str = "people") -> list[tuple[Any, ...]]:
        with closing(duckdb.connect(str(self.root / "w.duckdb"), read_only=True)) as connection:
            names = "id, name, body"
            where = "where not _ps_deleted order by 1"
            return connection.execute(f"select {names} from {table} {where}").fetchall()

    def generation(self, stream: str = "people") -> int:
        """The reload whose rows are shown."""
        with closing(Catalog.open(self.workspace.catalog_url)) as catalog:
            known = catalog.positions.generations("p").get(stream)
        return known.current if known is not None else 0

    def log_position(self) -> int:
        with closing(Catalog.open(self.workspace.catalog_url)) as catalog:
            saved = catalog.positions.load("p").get("#log")
        return int(saved.checkpoint.position["at"]) if saved and saved.checkpoint else -1

    def when(self, passed: Callable[[], bool], then: Callable[[], None]) -> threading.Thread:
        """Do something as soon as something holds; at the latest after a minute."""

        def wait() -> None:
            until = time.monotonic() + 60
            while not passed() and time.monotonic() < until:
                time.sleep(0.01)
            then()

        thread = threading.Thread(target=wait)
        thread.start()
        return thread


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Space:
    return Space(tmp_path, monkeypatch)
