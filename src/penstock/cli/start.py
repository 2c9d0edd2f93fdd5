"""The first lines of the program: from here on Ctrl-C and SIGTERM end it with our code and words.

Imports nothing of ours before that: they take most of the time until a command begins.
"""

from __future__ import annotations

import os
import signal

_WORDS = b"Interrupted.\n"


def run() -> None:
    """Entry point of the `penstock` program."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    from penstock.cli.main import run as run_main

    run_main()


def _leave(_number: int, _frame: object) -> None:
    """Nothing has begun yet that would have to be ended in order."""
    os.write(2, _WORDS)
    os._exit(130)
