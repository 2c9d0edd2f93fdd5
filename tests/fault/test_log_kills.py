"""SIGKILL while history and a log are read side by side: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from fault.log_run import database
from runs import read_table

PLACES = (
    "history.begun",
    "load.before_commit:5",
    "commit.before",
    "stage.after_close:2",
    "history.read",
    "publish.before",
    "acknowledge.before",
)
MORE = (
    "extract.after_batch:4",
    "mapping.saved:2",
    "load.in_transaction:3",
    "load.after_commit:4",
    "commit.after",
    "acknowledge.after:3",
    "discard.halfway:2",
    "history.before_read",
    "publish.in_transaction",
    "publish.after_commit",
    "job.before_finish",
)
MODES = ("merge", "history", "append")
WAYS = cycle(zip(cycle(("duckdb", "postgres")), MODES, strict=False))
CASES = [
    *(pytest.param(place, *way) for place, way in zip(PLACES, WAYS, strict=False)),
    *(
        pytest.param(place, *way, marks=pytest.mark.slow)
        for place, way in zip(MORE, WAYS, strict=False)
    ),
]


@pytest.mark.parametrize(("place", "kind", "mode"), CASES)
def test_a_kill_between_history_and_log_neither_loses_nor_doubles(
    place: str, kind: str, mode: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    destination: dict[str, Any] = {"type": "duckdb", "path": "w.duckdb"}
    if kind == "postgres":
        url = request.getfixturevalue("postgres_url")
        destination = {"type": "postgres", "url": url, "schema": "shop"}
    write(tmp_path, destination, mode)
    died = 0
    reload = ["--full-refresh"] if place.startswith("publish.") else []
    for phase in (1, 2):
        for _ in range(2):
            died += job(tmp_path, phase, *reload, PENSTOCK_FAILPOINT=place) == -signal.SIGKILL
        assert job(tmp_path, phase, *reload) == 0
        compare(tmp_path, destination, mode, phase, whole=bool(reload))
    assert died > 0, "no run was killed: the place is not on this way"


def write(root: Path, destination: dict[str, Any], mode: str, **more: Any) -> None:
    source = {"type": "activecampaign", "api_url": "http://127.0.0.1:1", "api_key": "none"}
    pipeline = {"source": "db", "destination": "w", "load_mode": mode, "package_rows": 5, **more}
    spec = {
        "version": 1,
        "sources": {"db": source},
        "destinations": {"w": destination},
        "pipelines": {"p": pipeline},
    }
    (root / "penstock.yaml").write_text(json.dumps(spec))


def job(root: Path, phase: int, *words: str, **env: str) -> int:
    tests = Path(__file__).parent.parent
    path = os.pathsep.join(filter(None, (str(tests), os.environ.get("PYTHONPATH"))))
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_")}
    done = subprocess.run(
        [sys.executable, "-m", "fault.log_run", str(root), str(phase), *words],
        cwd=tests, env={**kept, "PYTHONPATH": path, **env},
        stdin=subprocess.DEVNULL, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode


def compare(root: Path, destination: dict[str, Any], mode: str, phase: int, *, whole: bool) -> None:
    """Rows that are live now; in append mode, every change exactly once."""
    source = database(phase)
    for table in ("orders", "lines"):
        rows = read_table(destination, root, table, "")
        if mode == "append":
            assert whole or len(rows) == appended(source, table)
            continue
        found = [(row["id"], row["name"], row["body"]) for row in rows if is_live(row, mode)]
        assert sorted(found) == source.rows(table)
    assert not list((root / ".penstock").rglob("package.json"))


def is_live(row: dict[str, Any], mode: str) -> bool:
    return bool(row["_ps_is_active"]) if mode == "history" else row["_ps_deleted"] is not True


def appended(source: Any, table: str) -> int:
    """Rows of the first phase were read as history; each change after it is a row."""
    first = len(database(1).log)
    changes = [c for transaction in source.log[first:] for c in transaction if c.table == table]
    return len(database(1).tables[table]) + len(changes)
