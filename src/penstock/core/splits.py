"""Names of splits, by which the catalog keeps their positions."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Final

from penstock.core.checkpoint import Checkpoint

LOG_SPLIT: Final = "#log"
"""Name of the split that reads a log; no table can have a split of this name."""


def stream_of(split: str, streams: Container[str]) -> str | None:
    """The stream that a split of this name reads alone; None when it is a log's."""
    if split in streams:
        return split
    stream = split.rpartition("#")[0]
    return stream if stream in streams else None


def history_split(stream: str) -> str:
    """Name under which the catalog keeps that the history of a stream was read."""
    return f"{stream}#"


def history_is_read(stream: str, saved: Mapping[str, Checkpoint]) -> bool:
    """Whether all `history` splits of the stream are in the destination (see `Source.plan`)."""
    return history_split(stream) in saved
