"""Tables of a log whose changes were missed for a time: only a new table can be exact again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from penstock.core.records import Generation, SavedPosition
from penstock.core.splits import LOG_SPLIT, history_split


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
