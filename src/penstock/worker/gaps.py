"""Tables of a log whose changes were missed for a time: only a new table can be exact again."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from typing import Final

from penstock.core.errors import PenstockError
from penstock.core.records import Generation, SavedPosition
from penstock.core.splits import LOG_SPLIT, history_split

EXPIRED: Final = "OFFSET_EXPIRED"
"""Code of the error that changes after the position are in no log any more."""


def offer(error: PenstockError | None, pipeline: str) -> None:
    """Name the commands that help, when the error is that a position is lost."""
    if error is None or error.code != EXPIRED:
        return
    run = f"penstock run {shlex.quote(pipeline)} --recover"
    before = f"{error.hint} " if error.hint else ""
    error.hint = (
        f"{before}`{run} repair` compares the tables with the source and reads again only what "
        f"differs; `{run} restart` reads everything again; `{run} skip` goes on without the "
        "changes that are missing. With auto_recover_offset a pipeline does that by itself."
    )


def torn(
    saved: Mapping[str, SavedPosition],
    generations: Mapping[str, Generation],
    logged: Collection[str],
    *,
    restart: bool,
) -> dict[str, Generation]:
    """Streams that were loaded, and whose changes since then nobody will read: the log's position
    is lost, or the stream is not among those that the log is read for.

    Reading their history again would leave rows that were deleted meanwhile. So the next
    history of each goes into a new table, which takes the place of the old one at its end;
    the number of that generation is returned.

    Args:
        logged: streams that the log is read for from now on.
        restart: the log is to begin anew, at its end.
    """
    log = saved.get(LOG_SPLIT)
    lost = restart or log is None or log.checkpoint is None
    found: dict[str, Generation] = {}
    for split, position in saved.items():
        stream = split.rpartition("#")[0]
        loaded = split == history_split(stream) or position.package_no > 0
        now = generations.get(stream, Generation())
        reading = now.current if now.building is None else now.building
        current = loaded and position.generation == reading
        if stream and current and (lost or stream not in logged):
            found[stream] = Generation(now.current, reading + 1, now.mode)
    return found
