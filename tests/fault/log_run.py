"""One job from a database in memory with a log, in a process of its own that may be killed.

    python log_run.py WORKSPACE PHASE [--full-refresh]

The database is made anew each time, as it is in that phase; the log goes on from phase to phase.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from logged import Database, LogSource
from penstock.control.workspace import Workspace
from penstock.core.progress import Progress
from penstock.core.registry import Registry
from penstock.sdk.opening import settings_model
from penstock.worker import setup
from penstock.worker.jobs import run_pipeline
from penstock.worker.options import RunOptions

CHUNK, BATCH, MOST = 4, 2, 3


def database(phase: int) -> Database:
    """Two tables; in phase 2 all kinds of changes have happened to them."""
    made = Database("orders", "lines")
    for number in range(1, 13):
        with made.transaction():
            made.insert("orders", number, f"o{number}", f"b{number}")
            made.insert("lines", number, f"l{number}", f"b{number}")
    if phase == 1:
        return made
    for number in range(1, 9):
        with made.transaction():
            made.update("orders", number, name=f"changed{number}")
            made.update("lines", number, body=f"changed{number}")
    with made.transaction():
        made.delete("orders", 2)
        made.delete("lines", 2)
    made.move("orders", 3, 33)
    for number in range(20, 26):
        with made.transaction():
            made.insert("orders", number, f"o{number}")
            made.insert("lines", number, f"l{number}")
    made.update("orders", 20, name="at once")
    made.delete("lines", 25)
    return made


class _Silent:
    def progress(self, snapshot: Progress) -> None: ...

    def message(self, level: str, text: str) -> None: ...


def main(root: Path, phase: int, *, full_refresh: bool) -> int:
    source = LogSource(database(phase), chunk=CHUNK, batch=BATCH, most=MOST)
    setup.open_source = lambda *_: source  # type: ignore[assignment]
    workspace = Workspace.open(root, registry=Registry.scan(), model_of=settings_model, environ={})
    options = RunOptions(full_refresh=full_refresh)
    return run_pipeline(workspace, "p", options, _Silent(), threading.Event()).exit_code


if __name__ == "__main__":
    where, which, *rest = sys.argv[1:]
    sys.exit(main(Path(where), int(which), full_refresh="--full-refresh" in rest))
