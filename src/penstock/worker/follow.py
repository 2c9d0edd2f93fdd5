"""Follow a log: jobs of limited length, one after the other, until the user stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from penstock.control.workspace import Workspace
from penstock.core.errors import TransientError
from penstock.core.flush import Flush
from penstock.core.progress import Summary, Watcher
from penstock.core.records import JobStatus
from penstock.worker.options import RunOptions
from penstock.worker.recovering import Recovery, run_recovering

JOB_S: Final = 3_600.0
"""Length of one job: the history of jobs has one line an hour, and the plan is made anew."""
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0


def follow(
    workspace: Workspace,
    pipeline: str,
    options: RunOptions,
    watcher: Watcher,
    cancel: threading.Event,
    ended: Callable[[Summary], None] = lambda _summary: None,
    *,
    recover: Recovery | None = None,
    job_s: float = JOB_S,
) -> Summary:
    """Until `cancel` is set, or until the user has to change something; the last job's summary.

    A source or destination that is away is asked again, ever more seldom up to a minute.

    Args:
        ended: told of each job but the last.
        recover: what is done when the position is lost; None leaves that to the pipeline.
    """
    pause_s = _FIRST_PAUSE_S
    options = replace(options, follow_s=job_s, flush=options.flush or Flush())
    while True:
        error: str | None = None
        began = time.monotonic()
        try:
            summary = run_recovering(
                workspace, pipeline, options, watcher, cancel, recover, ended=ended
            )
            if cancel.is_set() or _needs_user(summary):
                return summary
            ended(summary)
            error = _trouble(summary)
        except TransientError as away:
            if cancel.is_set() or away.code == "job.running":
                raise
            error = away.message
        # A reload that was asked for is done once; its rest goes on by itself.
        options = replace(options, full_refresh=False)
        if error:
            watcher.message("warning", f"{pipeline}: {error} Going on in {pause_s:.0f} s.")
            cancel.wait(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        else:
            pause_s = _FIRST_PAUSE_S
            cancel.wait(pause_s - (time.monotonic() - began))


def _needs_user(summary: Summary) -> bool:
    """Whether it would only fail again in the same way."""
    return summary.status == JobStatus.FAILED and summary.exit_code != TransientError.exit_code


def _trouble(summary: Summary) -> str | None:
    """What kept an object from being read; rows that were set aside are no reason to wait."""
    if summary.error is not None:
        return str(summary.error["message"])
    failed = next((item.error for item in summary.objects if item.error), None)
    return str(failed["message"]) if failed else None
