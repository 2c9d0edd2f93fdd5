"""Ctrl-C while a destination makes the job wait: out at once, and the next run goes on."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest

from penstock.sandbox.activecampaign import Sandbox
from penstock.sandbox.activecampaign.options import SandboxOptions
from runs import Space

TAGS = {"objects": {"include": ["tags"]}, "destination_prefix": "ac"}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(contacts=20, rate_limit=None)) as sandbox:
        yield sandbox


def _seconds(child: subprocess.Popen[str]) -> Iterator[float]:
    """Job time of each progress line: one comes about every second."""
    assert child.stdout is not None
    for line in child.stdout:
        record = json.loads(line)
        if record["type"] == "progress":
            yield record["seconds"]


def _stopped(child: subprocess.Popen[str], number: signal.Signals) -> str:
    """Stop a job that has been waiting for more than two seconds; the status it ends with."""
    next(seconds for seconds in _seconds(child) if seconds > 2)
    child.send_signal(number)
    # Far less than what the destination's own patience would take.
    out, err = child.communicate(timeout=15)
    assert child.returncode == 130, (out, err)
    status: str = json.loads(out.splitlines()[-1])["status"]
    return status


def test_a_held_duckdb_file_does_not_hold_up_the_end(tmp_path: Path, box: Sandbox) -> None:
    space = Space(tmp_path, box, {"type": "duckdb", "path": "w.duckdb"}, TAGS).write()
    with duckdb.connect(str(tmp_path / "w.duckdb")):
        assert _stopped(space.start(), signal.SIGINT) == "CANCELED"
    assert space.run().code == 0
    assert space.differences(["tags"], prefix="ac_") == []


@pytest.mark.postgres
def test_a_locked_table_does_not_hold_up_the_end(
    tmp_path: Path, box: Sandbox, postgres_url: str
) -> None:
    destination = {"type": "postgres", "url": postgres_url, "schema": "crm"}
    space = Space(tmp_path, box, destination, TAGS).write()
    assert space.run().code == 0
    box.add("tags", 2)
    with psycopg.connect(postgres_url) as other:
        other.execute("lock table crm.ac_tags in access exclusive mode")
        assert _stopped(space.start(), signal.SIGTERM) == "CANCELED"
    after = space.run()
    assert (after.code, after.object("tags")["inserted"]) == (0, 2)
    assert space.differences(["tags"], prefix="ac_") == []
    assert space.leftovers() == []
