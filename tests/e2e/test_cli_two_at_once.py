"""One pipeline run by several processes at once: one writes, the others are told of its job."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import Ended, Space

PIPELINE = {"objects": {"include": ["tags"]}, "load_mode": "append"}
"""Rows of a second writer would be there twice."""
LONGEST_S = 60
WRITER_WITHIN_S = 120


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """It refuses every request until `set_rate_limit(None)`: no job can end before that."""
    with Sandbox(SandboxOptions(contacts=20, rate_limit=0, seed=7)) as sandbox:
        yield sandbox


def test_two_processes_into_duckdb(tmp_path: Path, box: Sandbox) -> None:
    destination = {"type": "duckdb", "path": "warehouse.duckdb"}
    _one_writes(Space(tmp_path, box, destination, PIPELINE).write(), box)


@pytest.mark.postgres
def test_two_processes_with_catalog_and_tables_in_postgres(
    tmp_path: Path, box: Sandbox, postgres_url: str
) -> None:
    destination = {"type": "postgres", "url": postgres_url, "schema": "crm"}
    state = {"catalog": postgres_url}
    _one_writes(Space(tmp_path, box, destination, PIPELINE, state=state).write(), box)


def _one_writes(space: Space, box: Sandbox) -> None:
    children = [space.start(), space.start()]
    try:
        writer, refused = _refused(children)
        job = _job(writer)
        for ended in (refused, space.run()):
            assert ended.code == 75, (ended.out, ended.err)
            error = _error(ended)
            assert (error["code"], error["where"]["job"]) == ("job.running", job)
            assert f"Job {job} (process {writer.pid})" in error["hint"]
        box.set_rate_limit(None)
        out, err = writer.communicate(timeout=WRITER_WITHIN_S)
    finally:
        for child in children:
            child.kill()
            child.communicate()
    ended = Ended(writer.returncode, out, err)
    assert (ended.code, ended.summary["job"]) == (0, job), (out, err)
    assert space.differences(["tags"]) == []
    assert len(space.rows("tags")) == ended.summary["loaded"] == len(box.rows("tags"))
    assert space.leftovers() == []


def _refused(children: list[subprocess.Popen[str]]) -> tuple[subprocess.Popen[str], Ended]:
    """The process that goes on, and how the other one ended."""
    last = time.monotonic() + LONGEST_S
    while all(child.poll() is None for child in children):
        assert time.monotonic() < last, "both processes go on"
        time.sleep(0.05)
    loser, writer = sorted(children, key=lambda child: child.poll() is None)
    out, err = loser.communicate()
    assert (loser.returncode, writer.poll()) == (75, None), (out, err)
    return writer, Ended(75, out, err)


def _job(writer: subprocess.Popen[str]) -> str:
    """The job of the process that goes on: each of its progress lines names it."""
    assert writer.stdout is not None
    job: str = json.loads(next(iter(writer.stdout)))["job"]
    return job


def _error(ended: Ended) -> dict[str, Any]:
    last: dict[str, Any] = ended.lines[-1]["error"]
    return last
