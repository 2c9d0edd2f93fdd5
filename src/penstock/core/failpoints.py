"""Named places where a test can end the process, as a crash at that moment would.

`PENSTOCK_FAILPOINT=name` or `name:n` kills this process with SIGKILL when the place is
reached the n-th time (first by default). Switched off (the normal case) a hit costs one
comparison.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Final

NAMES: Final = (
    "job.started",
    "extract.before_read",
    "extract.after_batch",
    "extract.after_last_batch",
    "transform.after",
    "map.after",
    "mapping.saved",
    "stage.before_write",
    "stage.after_write",
    "stage.before_close",
    "stage.after_files",
    "stage.after_close",
    "load.before_evolve",
    "load.after_evolve",
    "load.in_transaction",
    "load.before_commit",
    "load.after_commit",
    "load.between_tables",
    "publish.before",
    "publish.in_transaction",
    "publish.after_commit",
    "commit.before",
    "commit.in_transaction",
    "commit.after",
    "acknowledge.before",
    "acknowledge.after",
    "discard.before",
    "discard.halfway",
    "discard.after",
    "job.before_finish",
)
STORE_NAMES: Final = (
    "stage.before_upload",
    "stage.between_uploads",
    "stage.before_card",
    "stage.after_card",
    "fetch.between_files",
    "keys.kept",
    "keys.dropped",
    "discard.remote",
)
"""These lie on the way only where the staging area is an object store."""
SEAL_NAMES: Final = (
    "seal.before",
    "seal.after",
    "recover.begun",
    "recover.before_close",
    "recover.closed",
)
"""These lie on the way only where a package is open over several checkpoints, and where a job
was killed meanwhile."""
LOG_NAMES: Final = (
    "history.begun",
    "history.before_read",
    "history.read",
)
"""These lie on the way only where history is read in several splits, or beside a log."""

_setting = os.environ.get("PENSTOCK_FAILPOINT", "")
_name, _, _nth = _setting.partition(":")
_left = int(_nth or 1)
_lock = threading.Lock()


def hit(name: str) -> None:
    """End this process here if the environment says so."""
    if not _name or name != _name:
        return
    global _left
    with _lock:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
