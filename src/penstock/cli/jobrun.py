"""What every command that runs a job shares: signals, a watcher, the report, the exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import typer

from penstock.cli.context import Cli
from penstock.cli.report import report
from penstock.cli.watch import Watch, watcher_for
from penstock.core.heap import few_arenas

if TYPE_CHECKING:
    from types import FrameType

    from penstock.core.progress import Summary

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def running(cli: Cli) -> Iterator[tuple[Watch, threading.Event]]:
    """A watcher, and an event that Ctrl-C or SIGTERM sets; a second one ends the process."""
    few_arenas()
    cancel = threading.Event()
    watcher = watcher_for(cli)

    def stop(_number: int, _frame: FrameType | None) -> None:
        if cancel.is_set():
            watcher.close()
            os.write(
                sys.stderr.fileno(), b"Stopped. The state is consistent; run again to go on.\n"
            )
            os._exit(130)
        cancel.set()
        watcher.stopping()

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield watcher, cancel
    finally:
        watcher.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def finish(cli: Cli, summary: Summary, *, only_changed: bool = False) -> None:
    """Print the report; leave with the job's exit code, even when nobody reads any more."""
    with suppress(BrokenPipeError):
        report(cli, summary, only_changed=only_changed)
    if summary.exit_code:
        raise typer.Exit(summary.exit_code)
