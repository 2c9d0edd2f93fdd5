"""The transformation in force, in a job."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from penstock.control.workspace import Workspace
from penstock.core.events import Transformer
from penstock.core.progress import Watcher
from penstock.core.records import Activity, Severity
from penstock.store import Catalog


def transformer_of(
    workspace: Workspace, pipeline: str, catalog: Catalog, watcher: Watcher, told: list[str]
) -> tuple[int, Transformer | None]:
    """The transformation in force, at work, and its version; 0 and None where there is none.

    Args:
        told: gets what the user should know of it.
    """
    written = workspace.pipeline(pipeline).transform is not None
    if not written and catalog.transformations.deployed(pipeline) is None:
        return 0, None
    # Imported here: the blocks and all they know are for those who use them.
    from penstock.worker.transformation import at_work, in_force

    version = in_force(workspace, pipeline, catalog, told.append)

    def show(line: str) -> None:
        watcher.message("info", f"{pipeline}: {line}")

    broken = partial(_broken, catalog, pipeline, told)
    made = at_work(workspace, version, broken, show, told.append)
    return version.version if version is not None else 0, made


def renewal(
    catalog: Catalog, pipeline: str, mine: int, replan: threading.Event
) -> Callable[[], None]:
    """Looks whether another version of the transformation was deployed: then a job that would go
    on for long ends at its next checkpoint, and the next one begins with that version."""

    def look() -> None:
        found = catalog.transformations.deployed(pipeline)
        if found is not None and found.version != mine:
            replan.set()

    return look


def _broken(catalog: Catalog, pipeline: str, told: list[str], reason: str) -> None:
    """The version in force cannot run: all events fail, and somebody has to know."""
    text = f"The transformation cannot run, so every event fails: {reason}"
    told.append(text)
    catalog.activity.append(
        Activity(Severity.CRITICAL, "transformation.broken", text, pipeline=pipeline)
    )
