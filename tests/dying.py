"""The real command, ended at a named place (`core/failpoints.py`) while rows are written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tables import PIPELINE

_PENSTOCK = (sys.executable, "-c", "from penstock.cli.start import run; run()")


class Rows(threading.Thread):
    """Writes one number after the other, until told to stop."""

    def __init__(self, write: Callable[[int], None]) -> None:
        super().__init__()
        self._write = write
        self._stopped = threading.Event()

    def run(self) -> None:
        number = 0
        while not self._stopped.wait(0.002):
            number += 1
            self._write(number)

    def __enter__(self) -> Rows:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.join()


def kill_twice(root: Path, place: str) -> None:
    """Two jobs in a row, of which at least one comes to the place."""
    codes = [
        subprocess.run(
            [*_PENSTOCK, "run", PIPELINE, "--workspace", str(root)],
            env={**os.environ, "PENSTOCK_FAILPOINT": place}, timeout=120, check=False,
            capture_output=True,
        ).returncode
        for _ in range(2)
    ]  # fmt: skip
    assert -signal.SIGKILL in codes, "no run was killed: the place is not on this way"
