"""Compare the tables with their source after a gap in the log, and read again what differs.

Not imported by `recovering` before a gap is there: comparing takes DuckDB and a good deal of code,
which a job without a gap has no use for.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence

from penstock.control.workspace import Workspace
from penstock.core.progress import Summary, Watcher
from penstock.engine.verify.result import Kind, ObjectResult, Status
from penstock.worker.jobs import run_pipeline
from penstock.worker.options import RunOptions
from penstock.worker.verify import VerifyOptions, repairs, verify


def compared(
    workspace: Workspace,
    pipeline: str,
    objects: tuple[str, ...],
    watcher: Watcher,
    cancel: threading.Event,
) -> list[ObjectResult]:
    """Source and tables as they are after the log's new start."""
    if not objects:
        return []
    options = VerifyOptions(objects, limit=1, wait_s=0.0, behind_too=True)
    found = []
    for result in verify(workspace, pipeline, options, cancel):
        found.append(result)
        keys = "is read whole" if is_beyond_repair(result) else f"{result.different:,} keys differ"
        watcher.message("info", f"{pipeline}: {result.object}: {keys}.")
    return found


def is_beyond_repair(result: ObjectResult) -> bool:
    """Nothing tells its rows apart, or it has a key twice."""
    return (
        result.status is Status.NOT_COMPARED
        or result.method == "counts"
        or Kind.DOUBLED in result.counts
    )


def repaired(
    workspace: Workspace,
    pipeline: str,
    results: Iterable[ObjectResult],
    whole: set[str],
    watcher: Watcher,
    cancel: threading.Event,
) -> Summary | None:
    """The job that reads differing keys again; None when nothing differs."""
    wanted = repairs(workspace, pipeline, (one for one in results if one.object not in whole))
    if not wanted:
        return None
    options = RunOptions(objects=tuple(wanted), repair=wanted)
    return run_pipeline(workspace, pipeline, options, watcher, cancel)


def told(found: Sequence[ObjectResult], whole: Collection[str]) -> str:
    """What was repaired, for the user."""
    differ = {item.object: item.different for item in found if item.object not in whole}
    changed = [f"{name} {count:,}" for name, count in differ.items() if count]
    told = f"Compared {len(differ)} of {len(differ) + len(whole)} tables; "
    told += f"differing keys read again: {', '.join(changed)}." if changed else "they are equal."
    return told + (f" Read whole: {', '.join(sorted(whole))}." if whole else "")
