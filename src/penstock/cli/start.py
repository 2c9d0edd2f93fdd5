"""The first lines of the program: from here on Ctrl-C and SIGTERM end it with our code and words.

Imports nothing of ours before that: they take most of the time until a command begins.
"""

from __future__ import annotations

import os
import signal
import sys

_WORDS = b"Interrupted.\n"


def run() -> None:
    """Entry point of the `penstock` program."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    _open_missing()
    from penstock.cli.main import run as run_main

    run_main()


def _open_missing() -> None:
    """Standard files that the caller closed (`penstock run >&-`) lead nowhere; else the next
    file that is opened, such as the catalog, would take their number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            setattr(sys, name, open(number, "r+" if number == 0 else "w", closefd=False))  # noqa: SIM115


def _leave(_number: int, _frame: object) -> None:
    """Nothing has begun yet that would have to be ended in order."""
    os.write(2, _WORDS)
    os._exit(130)
